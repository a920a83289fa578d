// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.TopicScan;
import org.millrace.jobs.registry.WireFormats;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.RecordFormatException;
import org.millrace.schemas.RequestKind;
import org.millrace.schemas.WireFormat;

/**
 * What the topics hold up to their present ends: prompts, and the answers that are committed.
 *
 * @param prompts in the order of each partition
 * @param answers completions and dead letters
 * @param skipped records of the answers' topics that are something else
 */
public record TopicContents(List<Prompt> prompts, List<SpecificRecord> answers, long skipped) {
    /**
     * A record of the prompts topic.
     *
     * @param request null if it cannot be read
     */
    public record Prompt(PromptRequest request, int partition, long offset) {}

    /** What makes two requests the same one. */
    private record Identity(RequestKind kind, String sessionId, String requestId) {
        private static Identity of(PromptRequest request) {
            return new Identity(request.getKind(), request.getSessionId(), request.getRequestId());
        }
    }

    /** Reads the topics, prompts first. */
    public static TopicContents read(Properties kafka, KafkaTopics topics) {
        WireFormat format = WireFormats.reading(kafka);
        List<Prompt> prompts = new ArrayList<>();
        TopicScan.scan(
                kafka,
                topics.prompts(),
                record ->
                        prompts.add(
                                new Prompt(
                                        request(format, record),
                                        record.partition(),
                                        record.offset())));
        List<SpecificRecord> answers = new ArrayList<>();
        OutputDecoder decoder = new OutputDecoder(kafka);
        TopicScan.scan(
                kafka,
                topics.completions(),
                record -> answer(decoder, RecordCodec.COMPLETION, record).ifPresent(answers::add));
        TopicScan.scan(
                kafka,
                topics.deadLetters(),
                record -> answer(decoder, RecordCodec.DEAD_LETTER, record).ifPresent(answers::add));
        return new TopicContents(prompts, answers, decoder.skipped());
    }

    private static PromptRequest request(WireFormat format, ConsumerRecord<byte[], byte[]> record) {
        try {
            return record.value() == null
                    ? null
                    : format.decode(RecordCodec.PROMPT_REQUEST, record.value());
        } catch (RecordFormatException e) {
            return null;
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private static Optional<? extends SpecificRecord> answer(
            OutputDecoder decoder,
            RecordCodec<? extends SpecificRecord> codec,
            ConsumerRecord<byte[], byte[]> record) {
        try {
            return decoder.decode(codec, record);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    /**
     * The prompts that are among {@code requests}.
     *
     * @throws IOException if one of them has other contents
     */
    public List<Prompt> held(List<PromptRequest> requests) throws IOException {
        Map<Identity, PromptRequest> wanted = new HashMap<>();
        requests.forEach(request -> wanted.put(Identity.of(request), request));
        List<Prompt> held = new ArrayList<>();
        for (Prompt prompt : prompts) {
            PromptRequest request = prompt.request();
            PromptRequest same = request == null ? null : wanted.get(Identity.of(request));
            if (same == null) {
                continue;
            }
            if (!same.equals(request)) {
                throw new IOException(
                        "session="
                                + request.getSessionId()
                                + ", request="
                                + request.getRequestId()
                                + " was published before with other contents, at partition="
                                + prompt.partition()
                                + ", offset="
                                + prompt.offset()
                                + "; give it another request id");
            }
            held.add(prompt);
        }
        return held;
    }

    /** Those of {@code requests} that the prompts topic does not hold, in their order. */
    public List<PromptRequest> missing(List<PromptRequest> requests) {
        Map<Identity, Integer> held = new HashMap<>();
        for (Prompt prompt : prompts) {
            if (prompt.request() != null) {
                held.merge(Identity.of(prompt.request()), 1, Integer::sum);
            }
        }
        return requests.stream()
                .filter(request -> held.merge(Identity.of(request), -1, Integer::sum) < 0)
                .toList();
    }
}
