// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.metrics.Counter;
import org.millrace.cli.run.RunningJob;
import org.millrace.client.OutputReader;
import org.millrace.client.PromptPublisher;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.TokenDelta;

/**
 * What checkpoints of many live sessions cost, and how soon they go on after a failure: the real
 * job, one subtask, prefills a long prompt of each, then all generate at once; after some
 * checkpoints a task fails, and the job restarts in place. Prints a {@link Costs} as JSON.
 *
 * <p>Arguments: model file, cache type, threads, sessions, prompt in words, state backend,
 * checkpoints, directory for topics and state, which is deleted.
 */
final class RecoveryBench {
    private static final Duration POLL = Duration.ofMillis(20);
    private static final int GENERATED_TOKENS = 400;
    private static final MemorySize MANAGED_MEMORY = MemorySize.ofMebiBytes(6656);

    /**
     * Costs with one state backend.
     *
     * @param promptTokens of all sessions
     * @param prefillSeconds from their publication to the last session's first token
     * @param stallMillis of each checkpoint, ascending: how long the task stood still
     * @param checkpointMillis of each, ascending: from its trigger to its end
     * @param checkpointBytes written for all of them
     * @param stateBytes that the restore had to read
     * @param initializationSeconds from the task's deployment to a task that runs: what the backend
     *     reads at once; the model is still open
     * @param runningSeconds from the failure to a task that runs
     * @param restoredSeconds from the failure until all sessions are in the batch again
     * @param firstTokenSeconds from the failure to the first session's next token
     * @param lastTokenSeconds from the failure to the last session's next token
     */
    record Costs(
            String backend,
            long promptTokens,
            double prefillSeconds,
            List<Long> stallMillis,
            List<Long> checkpointMillis,
            long checkpointBytes,
            long stateBytes,
            double initializationSeconds,
            double runningSeconds,
            double restoredSeconds,
            double firstTokenSeconds,
            double lastTokenSeconds) {
        /** From the task's deployment to a moment given by its seconds from the failure. */
        double sinceDeployment(double seconds) {
            return initializationSeconds + seconds - runningSeconds;
        }
    }

    private final OutputReader reader;
    private final PromptPublisher publisher;
    private final int sessions;

    private RecoveryBench(OutputReader reader, PromptPublisher publisher, int sessions) {
        this.reader = reader;
        this.publisher = publisher;
        this.sessions = sessions;
    }

    public static void main(String[] args) throws Exception {
        int sessions = Integer.parseInt(args[3]);
        Configuration config = JobBench.configuration(args[0], args[1], args[2]);
        config.set(StateBackendOptions.STATE_BACKEND, args[5]);
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ZERO);
        config.set(GenerationOptions.MAX_SEQUENCES, sessions);
        config.set(GenerationOptions.MAX_BATCH_TOKENS, 2 * sessions);
        config.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MANAGED_MEMORY);
        config.setString(
                "metrics.reporter.bench.factory.class", RestoredSessions.Factory.class.getName());
        config.set(
                TaskManagerOptions.MANAGED_MEMORY_CONSUMER_WEIGHTS,
                Map.of("OPERATOR", "80", "STATE_BACKEND", "20"));
        Costs costs =
                BenchJob.run(
                        config,
                        Path.of(args[7]),
                        (cluster, job, reader, publisher) ->
                                new RecoveryBench(reader, publisher, sessions)
                                        .run(
                                                job,
                                                args[5],
                                                Integer.parseInt(args[4]),
                                                Integer.parseInt(args[6])));
        System.out.println(new ObjectMapper().writeValueAsString(costs));
    }

    private Costs run(RunningJob job, String backend, int words, int checkpoints) throws Exception {
        long begin = System.nanoTime();
        publish("long", words, 1);
        Set<String> begun = new HashSet<>();
        Map<String, Integer> promptTokens = new HashMap<>();
        double[] prefillSeconds = new double[1];
        while (promptTokens.size() < sessions) {
            poll(
                    job,
                    token -> {
                        begun.add(token.getSessionId());
                        if (prefillSeconds[0] == 0 && begun.size() == sessions) {
                            prefillSeconds[0] = secondsSince(begin);
                        }
                    },
                    answer ->
                            promptTokens.put(
                                    answer.getSessionId(), answer.getUsage().getPromptTokens()));
        }
        publish("short", 8, GENERATED_TOKENS);
        begun.clear();
        while (begun.size() < sessions) {
            poll(job, token -> begun.add(token.getSessionId()), RecoveryBench::tooEarly);
        }
        int first = job.checkpoints().size() + 1;
        while (job.checkpoints().size() < first + checkpoints) {
            poll(job, token -> {}, RecoveryBench::tooEarly);
        }
        List<RunningJob.Checkpoint> taken = job.checkpoints();
        RunningJob.Checkpoint last = taken.get(taken.size() - 1);
        List<RunningJob.Checkpoint> measured = taken.subList(first, taken.size());
        double[] seconds = failAndRestart(job);
        return new Costs(
                backend,
                promptTokens.values().stream().mapToLong(Integer::longValue).sum(),
                prefillSeconds[0],
                measured.stream().map(RunningJob.Checkpoint::stallMillis).sorted().toList(),
                measured.stream().map(RunningJob.Checkpoint::millis).sorted().toList(),
                measured.stream().mapToLong(RunningJob.Checkpoint::bytes).sum(),
                last.stateBytes(),
                seconds[0],
                seconds[1],
                seconds[2],
                seconds[3],
                seconds[4]);
    }

    /**
     * Seconds that the task's initialization took, and from its failure to a running task, all
     * sessions in the batch, the first session's next token, and the last one's.
     */
    private double[] failAndRestart(RunningJob job) throws Exception {
        double[] seconds = new double[5];
        Set<String> back = new HashSet<>();
        Counter before = RestoredSessions.newest();
        long begin = System.nanoTime();
        // A task that is interrupted and was not cancelled has failed, and all restart.
        taskThread("send once", 0).orElseThrow().interrupt();
        while (taskThread("generate", 1).isEmpty()) {
            // Tokens from before.
            poll(job, token -> {}, RecoveryBench::tooEarly);
        }
        job.awaitRunning();
        seconds[1] = secondsSince(begin);
        seconds[0] = job.initialization().toMillis() / 1e3;
        Counter restored = RestoredSessions.newest();
        if (restored == before) {
            throw new IllegalStateException("no counter of restored sessions of the new attempt");
        }
        while (back.size() < sessions) {
            if (seconds[2] == 0 && restored.getCount() >= sessions) {
                seconds[2] = secondsSince(begin);
            }
            poll(
                    job,
                    token -> {
                        if (back.isEmpty()) {
                            seconds[3] = secondsSince(begin);
                        }
                        back.add(token.getSessionId());
                        seconds[4] = secondsSince(begin);
                    },
                    RecoveryBench::tooEarly);
        }
        job.cancel();
        return seconds;
    }

    private static Optional<Thread> taskThread(String task, int attempt) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith(task))
                .filter(thread -> thread.getName().endsWith("(1/1)#" + attempt))
                .findAny();
    }

    private static double secondsSince(long beginNanos) {
        return (System.nanoTime() - beginNanos) / 1e9;
    }

    private static void tooEarly(Completion answer) {
        throw new IllegalStateException("not all sessions live any more: " + answer.getSessionId());
    }

    private void poll(RunningJob job, Consumer<TokenDelta> tokens, Consumer<Completion> answers)
            throws Exception {
        job.checkRunning();
        for (SpecificRecord output : reader.poll(POLL)) {
            if (output instanceof TokenDelta token) {
                tokens.accept(token);
            } else if (output instanceof Completion completion) {
                answers.accept(completion);
            } else if (output instanceof DeadLetter letter) {
                throw new IOException("refused: " + letter.getReason() + ": " + letter.getDetail());
            }
        }
    }

    private void publish(String request, int words, int maxTokens) {
        for (int i = 0; i < sessions; i++) {
            publisher.publish(
                    PromptRequest.newBuilder()
                            .setSessionId("session-" + i)
                            .setRequestId(request)
                            .setText(TextWorkload.text(words, i))
                            .setLimits(
                                    GenerationLimits.newBuilder()
                                            .setMaxTokens(maxTokens)
                                            .setIgnoreEos(true)
                                            .build())
                            .build());
        }
        publisher.flush();
    }
}
