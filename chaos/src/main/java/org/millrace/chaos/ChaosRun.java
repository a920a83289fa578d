// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.millrace.client.OutputReader;
import org.millrace.client.PromptPublisher;
import org.millrace.engine.Model;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.GenerationSettings;

/**
 * One run: the job under load and faults, then the same requests undisturbed on the same processes,
 * then the comparison. Not thread safe.
 */
final class ChaosRun {
    private static final int CONVERSATIONS = 20;
    private static final int MAX_SEQUENCES = 10;
    private static final int MAX_BATCH_TOKENS = 32;
    private static final Duration QUIET_TIMEOUT = Duration.ofSeconds(180);

    private final Configuration options;
    private final long seed;
    private final Function<Set<FaultKind>, List<KillPlan.Kill>> plan;
    private final Consumer<String> progress;

    /**
     * @param options of the job; the model among them, as a path
     * @param seed of the load and of all that is left to chance
     * @param plan the faults, out of the kinds that can be had
     * @param progress takes lines for people
     */
    ChaosRun(
            Configuration options,
            long seed,
            Function<Set<FaultKind>, List<KillPlan.Kill>> plan,
            Consumer<String> progress) {
        this.options = options;
        this.seed = seed;
        this.plan = plan;
        this.progress = progress;
    }

    /**
     * @param directory empty; for all files of all processes
     * @param classPath of all processes
     */
    ChaosReport run(Path directory, String classPath) throws Exception {
        int contextLength = contextLength();
        Path model = Path.of(options.get(GenerationOptions.MODEL));
        try (ChaosCluster cluster = ChaosCluster.start(directory, model, classPath, progress)) {
            progress.accept("broker, ZooKeeper, JobManager and 2 TaskManagers are up");
            return run(cluster, contextLength);
        }
    }

    private ChaosReport run(ChaosCluster cluster, int contextLength) throws Exception {
        Configuration config = jobConfig("disturbed");
        config.set(MillraceOptions.JOURNAL, cluster.layout().journal().toString());
        ChaosJob job = cluster.submit(config);
        KafkaTopics topics = KafkaTopics.of(config);
        CheckpointSizes sizes = new CheckpointSizes(cluster.rest());
        try (PromptPublisher publisher = new PromptPublisher(cluster.kafka(), topics.prompts())) {
            Load load = new Load(seed, contextLength, CONVERSATIONS, publisher);
            try (Observer observer =
                    new Observer(
                            JournalFile.open(cluster.layout().journal()),
                            OutputReader.fromBeginning(cluster.kafka(), topics),
                            load)) {
                List<KillRecord> records = disturb(cluster, job, observer, sizes);
                load.end();
                awaitAnswers(load, observer);
                cluster.stop(job);
                observer.drain();
                progress.accept(load.turns().size() + " requests answered; now undisturbed");
                Outcome undisturbed = undisturbed(cluster, load);
                return new ChaosReport(
                        seed,
                        records,
                        load.turns().size(),
                        Verdict.of(load.turns(), observer.outcome(), undisturbed),
                        observer.audit(),
                        CommitFailures.in(cluster.processes().taskManagers()),
                        sizes.sorted());
            }
        }
    }

    private List<KillRecord> disturb(
            ChaosCluster cluster, ChaosJob job, Observer observer, CheckpointSizes sizes)
            throws Exception {
        Random random = new Random(seed);
        Faults faults = new Faults(cluster.processes(), cluster.disk(), cluster.rest(), random);
        return new Disturbance(cluster.processes(), job, observer, faults, sizes, random, progress)
                .run(plan.apply(Faults.kinds(cluster.disk())));
    }

    private static void awaitAnswers(Load load, Observer observer) throws IOException {
        int answered = -1;
        long deadlineNanos = 0;
        while (!load.isDone()) {
            observer.tick();
            if (observer.outcome().answeredTurns() > answered) {
                answered = observer.outcome().answeredTurns();
                deadlineNanos = System.nanoTime() + QUIET_TIMEOUT.toNanos();
            } else if (System.nanoTime() > deadlineNanos) {
                // What is missing is counted as lost.
                return;
            }
        }
    }

    private Outcome undisturbed(ChaosCluster cluster, Load load) throws Exception {
        Configuration config = jobConfig("undisturbed");
        // All kernels give the same bits; these are the fast ones.
        config.removeConfig(GenerationOptions.KERNELS);
        KafkaTopics topics = KafkaTopics.of(config);
        ChaosJob job = cluster.submit(config);
        Outcome outcome = new Outcome();
        try (PromptPublisher publisher = new PromptPublisher(cluster.kafka(), topics.prompts());
                OutputReader reader = OutputReader.fromBeginning(cluster.kafka(), topics)) {
            load.published().forEach(publisher::publish);
            int turns = load.turns().size();
            long deadlineNanos = System.nanoTime() + QUIET_TIMEOUT.toNanos();
            while (outcome.answeredTurns() < turns) {
                for (SpecificRecord output : reader.poll(Duration.ofMillis(100))) {
                    outcome.accept(output);
                    deadlineNanos = System.nanoTime() + QUIET_TIMEOUT.toNanos();
                }
                if (System.nanoTime() > deadlineNanos) {
                    throw new IOException(
                            "the undisturbed run hangs: answered="
                                    + outcome.answeredTurns()
                                    + " of "
                                    + turns);
                }
            }
            cluster.stop(job);
            Drain.drain(reader, outcome::accept);
        }
        return outcome;
    }

    private Configuration jobConfig(String name) {
        Configuration config = new Configuration(options);
        config.set(PipelineOptions.NAME, name);
        config.set(MillraceOptions.PROMPTS_TOPIC, name + "-prompts");
        config.set(MillraceOptions.TOKENS_TOPIC, name + "-tokens");
        config.set(MillraceOptions.COMPLETIONS_TOPIC, name + "-completions");
        config.set(MillraceOptions.DEAD_LETTERS_TOPIC, name + "-dead-letters");
        config.set(CoreOptions.DEFAULT_PARALLELISM, ProcessGroup.TASK_MANAGERS);
        // Small, so that a prompt takes several steps.
        config.set(GenerationOptions.MAX_BATCH_TOKENS, MAX_BATCH_TOKENS);
        config.set(GenerationOptions.MAX_SEQUENCES, MAX_SEQUENCES);
        config.set(GenerationOptions.THREADS, 1);
        return config;
    }

    private int contextLength() throws IOException {
        try (Model model =
                Model.open(
                        Path.of(options.get(GenerationOptions.MODEL)),
                        GenerationSettings.modelOptions(options))) {
            return model.config().contextLength();
        }
    }
}
