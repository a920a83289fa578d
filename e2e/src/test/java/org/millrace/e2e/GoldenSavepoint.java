// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.source.legacy.SourceFunction;
import org.millrace.jobs.GenerationSettings;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.Generation;
import org.millrace.operators.Header;
import org.millrace.operators.Origin;
import org.millrace.operators.OriginalValue;
import org.millrace.operators.OutputRecord;
import org.millrace.operators.OutputTags;
import org.millrace.operators.PromptEnvelope;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.SamplingParams;
import org.millrace.schemas.TokenDelta;

/**
 * Makes a savepoint of the generation operator without Kafka: sessions in the middle of a turn, one
 * with a turn behind it, one with a compressed cache, one that is idle.
 */
final class GoldenSavepoint {
    static final String IDLE = "idle";
    private static final int MAX_TOKENS = 120;

    /** Tokens of each running turn, at least, when the job is stopped. */
    private static final int TOKENS = 40;

    private static final AtomicInteger TOKENS_OF_RUNNING = new AtomicInteger();

    private GoldenSavepoint() {}

    /** The turns, in their order; the last one of the idle session is answered in the savepoint. */
    static List<PromptRequest> requests() {
        List<PromptRequest> requests = new ArrayList<>();
        requests.add(request(IDLE, "r1", 20, ""));
        requests.add(request("running", "r1", MAX_TOKENS, ""));
        requests.add(request("queued", "r1", MAX_TOKENS, ""));
        requests.add(request("queued", "r2", 20, ""));
        requests.add(request("compressed", "r1", MAX_TOKENS, "fastgen"));
        return requests;
    }

    static PromptRequest request(String session, String request, int maxTokens, String retention) {
        return PromptRequest.newBuilder()
                .setSessionId(session)
                .setRequestId(request)
                .setText("The " + request + " of the session that is called " + session + ":")
                .setRetention(retention)
                .setSampling(
                        SamplingParams.newBuilder()
                                .setTemperature(0.8f)
                                .setSeed(request.hashCode())
                                .setLogprobs(true)
                                .build())
                .setLimits(
                        GenerationLimits.newBuilder()
                                .setMaxTokens(maxTokens)
                                .setIgnoreEos(true)
                                .build())
                .build();
    }

    /** Runs the job until all sessions are where they should be, and stops it. */
    @SuppressWarnings("deprecation") // The old kind of source needs no file, broker or enumerator.
    static void write(Path directory) throws Exception {
        Configuration config = new Configuration();
        config.set(MillraceOptions.MODEL, TestCluster.tinyModel());
        // The slow kernels, which give the same bits: the turns must not end before the savepoint.
        config.set(MillraceOptions.KERNELS, "reference");
        config.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(256));
        // One file.
        config.set(CheckpointingOptions.FS_SMALL_FILE_THRESHOLD, MemorySize.ofMebiBytes(1));
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.createLocalEnvironment(1, config);
        SingleOutputStreamOperator<OutputRecord> completions =
                Generation.generate(
                        env.addSource(new Prompts(), "prompts", PromptEnvelope.TYPE).uid("prompts"),
                        GenerationSettings.of(config, false),
                        1,
                        1);
        completions
                .getSideOutput(OutputTags.TOKENS)
                .filter(GoldenSavepoint::count)
                .sinkTo(new DiscardingSink<>())
                .uid("tokens");
        completions.sinkTo(new DiscardingSink<>()).uid("completions");
        JobClient job = env.executeAsync();
        while (TOKENS_OF_RUNNING.get() < TOKENS) {
            Thread.sleep(1);
        }
        job.stopWithSavepoint(false, directory.toUri().toString(), SavepointFormatType.CANONICAL)
                .get();
    }

    private static boolean count(OutputRecord record) {
        if (((TokenDelta) record.value()).getSessionId().equals("running")) {
            TOKENS_OF_RUNNING.incrementAndGet();
        }
        return true;
    }

    /** Sends the requests and stays open, as a topic does. */
    @SuppressWarnings("deprecation")
    private static final class Prompts implements SourceFunction<PromptEnvelope> {
        private static final long serialVersionUID = 1L;

        private volatile boolean cancelled;

        @Override
        public void run(SourceContext<PromptEnvelope> context) throws Exception {
            long offset = 0;
            for (PromptRequest request : requests()) {
                synchronized (context.getCheckpointLock()) {
                    context.collect(
                            new PromptEnvelope(
                                    request,
                                    new Origin(
                                            "prompts",
                                            0,
                                            offset++,
                                            1000,
                                            List.of(new Header("trace", new byte[] {1}))),
                                    OriginalValue.of(new byte[] {2})));
                }
            }
            while (!cancelled) {
                Thread.sleep(10);
            }
        }

        @Override
        public void cancel() {
            cancelled = true;
        }
    }
}
