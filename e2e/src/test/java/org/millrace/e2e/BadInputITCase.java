// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.flink.configuration.Configuration;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.millrace.cli.run.RunningJob;
import org.millrace.jobs.MillraceOptions;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.SamplingParams;
import org.millrace.schemas.TokenDelta;

/** Whatever lies on the prompts topic, the job goes on and says what was wrong with it. */
@ExtendWith(TestCluster.Extension.class)
class BadInputITCase {
    private record Bad(String reason, byte[] key, byte[] value) {}

    @Test
    void badRecordsAreNamedAndGoodOnesAnswered(TestCluster cluster) throws Exception {
        Configuration config = cluster.newJob();
        List<Bad> bad = badRecords();
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            publish(cluster, config, bad);
            outputs.await(job, o -> o.completions.size() + o.deadLetters.size() >= 2 * bad.size());
            job.stop();
            outputs.drain();
            assertThat(outputs.deadLetters)
                    .extracting(DeadLetter::getReason)
                    .containsExactlyInAnyOrderElementsOf(bad.stream().map(Bad::reason).toList());
            assertThat(outputs.completions)
                    .hasSize(bad.size())
                    .allSatisfy(c -> assertThat(c.getFinishReason()).isEqualTo("length"));
        }
    }

    /** Between any two bad records goes a good one. */
    private static void publish(TestCluster cluster, Configuration config, List<Bad> bad) {
        String topic = config.get(MillraceOptions.PROMPTS_TOPIC);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        cluster.kafka(), new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = 0; i < bad.size(); i++) {
                producer.send(new ProducerRecord<>(topic, 0, bad.get(i).key(), bad.get(i).value()));
                PromptRequest good = text("good" + i).build();
                ProducerRecord<byte[], byte[]> record =
                        new ProducerRecord<>(topic, 0, bytes(good.getSessionId()), encode(good));
                record.headers().add(new RecordHeader("trace", bytes("t" + i)));
                producer.send(record);
            }
        }
    }

    private static List<Bad> badRecords() {
        byte[] good = encode(text("s").build());
        byte[] random = new byte[1000];
        new Random(5).nextBytes(random);
        List<Bad> bad = new ArrayList<>();
        bad.add(new Bad("null_key", null, good));
        bad.add(new Bad("null_value", bytes("s"), null));
        bad.add(new Bad("key_mismatch", bytes("other"), good));
        bad.add(new Bad("not_avro", bytes("s"), random));
        bad.add(
                new Bad(
                        "unknown_schema",
                        bytes("s"),
                        RecordCodec.TOKEN_DELTA.encode(
                                new TokenDelta("s", "r", 0, 1, "x", null, List.of()))));
        bad.add(new Bad("invalid_utf8", new byte[] {(byte) 0xC3}, good));
        bad.add(new Bad("key_too_long", bytes("s".repeat(900_000)), new byte[0]));
        bad.add(
                new Bad(
                        "too_large",
                        bytes("s"),
                        encode(text("s").setText("x".repeat(1_047_000)).build())));
        bad.add(new Bad("empty_prompt", bytes("s"), encode(text("s").setText("").build())));
        bad.add(
                new Bad(
                        "prompt_too_long",
                        bytes("s"),
                        encode(text("s").setText("x".repeat(2000)).build())));
        bad.add(
                new Bad(
                        "invalid_parameter",
                        bytes("s"),
                        encode(
                                text("s")
                                        .setLimits(
                                                GenerationLimits.newBuilder()
                                                        .setMaxTokens(-1)
                                                        .build())
                                        .build())));
        bad.add(
                new Bad(
                        "invalid_parameter",
                        bytes("s"),
                        encode(
                                text("s")
                                        .setSampling(
                                                SamplingParams.newBuilder()
                                                        .setTemperature(Float.NaN)
                                                        .build())
                                        .build())));
        return bad;
    }

    private static PromptRequest.Builder text(String session) {
        return PromptRequest.newBuilder()
                .setSessionId(session)
                .setRequestId("r")
                .setText("Hello there")
                .setLimits(
                        GenerationLimits.newBuilder().setMaxTokens(4).setIgnoreEos(true).build());
    }

    private static byte[] encode(PromptRequest request) {
        return RecordCodec.PROMPT_REQUEST.encode(request);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
