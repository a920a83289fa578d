// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import java.nio.ByteBuffer;
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
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.source.legacy.SourceFunction;
import org.millrace.jobs.Origin;
import org.millrace.jobs.OriginalValue;
import org.millrace.jobs.PromptAttachment;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.MillraceGeneration;
import org.millrace.operators.Prompt;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.Header;
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
        config.set(GenerationOptions.MODEL, TestCluster.tinyModel());
        // The slow kernels, which give the same bits: the turns must not end before the savepoint.
        config.set(GenerationOptions.KERNELS, "reference");
        config.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(256));
        // One file.
        config.set(CheckpointingOptions.FS_SMALL_FILE_THRESHOLD, MemorySize.ofMebiBytes(1));
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.createLocalEnvironment(1, config);
        MillraceGeneration generation =
                MillraceGeneration.of(
                                env.addSource(new Prompts(), "prompts", Prompt.TYPE).uid("prompts"))
                        .uid("generate")
                        .options(config)
                        .build();
        generation
                .tokens()
                .filter(GoldenSavepoint::count)
                .sinkTo(new DiscardingSink<>())
                .uid("tokens");
        generation.completions().sinkTo(new DiscardingSink<>()).uid("completions");
        JobClient job = env.executeAsync();
        while (TOKENS_OF_RUNNING.get() < TOKENS) {
            Thread.sleep(1);
        }
        job.stopWithSavepoint(false, directory.toUri().toString(), SavepointFormatType.CANONICAL)
                .get();
    }

    private static boolean count(TokenDelta token) {
        if (token.getSessionId().equals("running")) {
            TOKENS_OF_RUNNING.incrementAndGet();
        }
        return true;
    }

    /** Sends the requests and stays open, as a topic does. */
    @SuppressWarnings("deprecation")
    private static final class Prompts implements SourceFunction<Prompt> {
        private static final long serialVersionUID = 1L;

        private volatile boolean cancelled;

        @Override
        public void run(SourceContext<Prompt> context) throws Exception {
            long offset = 0;
            for (PromptRequest request : requests()) {
                synchronized (context.getCheckpointLock()) {
                    Origin origin =
                            new Origin(
                                    "prompts",
                                    0,
                                    offset++,
                                    1000,
                                    List.of(new Header("trace", ByteBuffer.wrap(new byte[] {1}))));
                    byte[] attachment =
                            new PromptAttachment(origin, OriginalValue.of(new byte[] {2}))
                                    .encode(request);
                    context.collectWithTimestamp(
                            new Prompt(request, origin.answerHeaders(), attachment), 1000);
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
