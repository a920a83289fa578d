// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.millrace.client.OutputReader;
import org.millrace.client.PromptPublisher;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.PromptRequest;

/**
 * Processes with nothing but Flink on their class path, the documented configuration, the job jar
 * by {@code flink run}: each step is a job of its own, then one job answers the requests of all
 * steps undisturbed. Not thread safe.
 */
final class ClusterCheck {
    private static final long SEED = 1;
    private static final int SESSIONS_OF_A_STEP = 10_000;

    private final Configuration options;
    private final Path jar;
    private final Optional<Path> previousJar;
    private final Consumer<String> progress;
    private final List<PromptRequest> published = new ArrayList<>();

    /**
     * @param options of the job; the model among them, as a path
     * @param progress takes lines for people
     */
    ClusterCheck(
            Configuration options,
            Path jar,
            Optional<Path> previousJar,
            Consumer<String> progress) {
        this.options = options;
        this.jar = jar;
        this.previousJar = previousJar;
        this.progress = progress;
    }

    /**
     * @param directory empty; for all files of all processes
     * @param classPath of this build
     */
    CheckReport run(List<CheckStep> steps, Path directory, String classPath) throws Exception {
        int contextLength = JobOptions.contextLength(options);
        String flinkClassPath = FlinkClassPath.of(classPath);
        ClusterLayout layout = ClusterLayout.create(directory, directory.resolve("checkpoints"));
        ProcessGroup processes =
                new ProcessGroup(layout, configuration(layout), classPath, flinkClassPath);
        JobJars jars =
                new JobJars(
                        new FlinkRun("flink-run", layout, flinkClassPath, jar),
                        previousJar
                                .map(file -> previous(layout, flinkClassPath, file))
                                .orElse(null));
        try (Cluster cluster = Cluster.start(layout, processes)) {
            progress.accept("broker, ZooKeeper, JobManager and 2 TaskManagers are up");
            List<StepResult> results = new ArrayList<>();
            for (CheckStep step : steps) {
                progress.accept(step.toString());
                results.add(run(step, cluster, jars, contextLength));
            }
            progress.accept("undisturbed");
            int turns = results.stream().mapToInt(result -> result.turns().size()).sum();
            Configuration config = JobOptions.named("undisturbed", options);
            // All kernels give the same bits; these are the fast ones.
            config.removeConfig(GenerationOptions.KERNELS);
            return new CheckReport(
                    results, Undisturbed.run(cluster, jars.current(), config, published, turns));
        }
    }

    /** The documented memory has no room for the Java kernels, which keep pages in the heap. */
    private FlinkConfiguration configuration(ClusterLayout layout) throws IOException {
        FlinkConfiguration documented = FlinkConfiguration.of(layout);
        if (!options.get(GenerationOptions.KERNELS).equals("reference")) {
            return documented;
        }
        Path model = Path.of(options.get(GenerationOptions.MODEL));
        return documented.small(Files.size(model), MemorySize.ofMebiBytes(512));
    }

    private static Submission previous(ClusterLayout layout, String flinkClassPath, Path file) {
        return new FlinkRun("flink-run-previous", layout, flinkClassPath, file);
    }

    private StepResult run(CheckStep step, Cluster cluster, JobJars jars, int contextLength)
            throws Exception {
        Path journal = cluster.layout().root().resolve(step + "-journal.jsonl");
        Configuration config = JobOptions.named(step.toString(), options);
        config.set(MillraceOptions.JOURNAL, journal.toString());
        KafkaTopics topics = KafkaTopics.of(config);
        cluster.createTopics(topics);
        int firstSession = step.ordinal() * SESSIONS_OF_A_STEP;
        try (PromptPublisher publisher = new PromptPublisher(cluster.kafka(), topics.prompts())) {
            Load load = new Load(SEED, contextLength, firstSession, publisher::publish);
            try (Observer observer =
                    new Observer(
                            JournalFile.open(journal),
                            OutputReader.fromBeginning(cluster.kafka(), topics),
                            load)) {
                StepRun run = new StepRun(cluster, jars, config, observer, progress);
                String failure = "";
                try {
                    run.run(step);
                } catch (IOException e) {
                    failure = e.getMessage();
                    progress.accept("  failed: " + failure);
                }
                published.addAll(load.published());
                return new StepResult(
                        step,
                        run.interruptions(),
                        load.turns(),
                        observer.outcome(),
                        observer.audit(),
                        failure,
                        run.note());
            }
        }
    }
}
