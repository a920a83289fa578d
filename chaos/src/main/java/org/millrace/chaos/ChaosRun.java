// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.millrace.client.OutputReader;
import org.millrace.client.PromptPublisher;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;

/**
 * One run: the job under load and faults, then the same requests undisturbed on the same processes,
 * then the comparison. Not thread safe.
 */
final class ChaosRun {
    /**
     * Killed processes leave files that no checkpoint names: some 20 MB a fault of a real model.
     */
    private static final int DISK_MEBIBYTES = 8192;

    private static final MemorySize MANAGED_MEMORY = MemorySize.ofMebiBytes(512);
    private static final int MAX_SEQUENCES = 10;
    private static final int MAX_BATCH_TOKENS = 32;

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
        int contextLength = JobOptions.contextLength(options);
        Path model = Path.of(options.get(GenerationOptions.MODEL));
        Path checkpoints = Files.createDirectories(directory.resolve("checkpoints"));
        ClusterLayout layout = ClusterLayout.create(directory, checkpoints);
        FlinkConfiguration flink =
                FlinkConfiguration.of(layout).small(Files.size(model), MANAGED_MEMORY);
        ProcessGroup processes = new ProcessGroup(layout, flink, classPath, classPath);
        // Null if it may not be mounted here. Last to go: the processes keep it busy.
        try (SmallDisk disk = mount(checkpoints);
                Cluster cluster = Cluster.start(layout, processes)) {
            progress.accept("broker, ZooKeeper, JobManager and 2 TaskManagers are up");
            Submission submission = new ClientSubmission(flink.toConfiguration());
            return run(cluster, disk, submission, contextLength);
        }
    }

    private SmallDisk mount(Path checkpoints) throws InterruptedException {
        try {
            return SmallDisk.mount(checkpoints, DISK_MEBIBYTES);
        } catch (IOException e) {
            progress.accept(
                    "no full disk among the faults, that takes a file system of its own ("
                            + e.getMessage()
                            + "); try: unshare -Urm ./millrace chaos");
            return null;
        }
    }

    private ChaosReport run(
            Cluster cluster, SmallDisk disk, Submission submission, int contextLength)
            throws Exception {
        Configuration config = jobConfig("disturbed");
        config.set(MillraceOptions.JOURNAL, cluster.layout().journal().toString());
        ClusterJob job = cluster.submit(submission, config);
        KafkaTopics topics = KafkaTopics.of(config);
        CheckpointSizes sizes = new CheckpointSizes(cluster.rest());
        try (PromptPublisher publisher = new PromptPublisher(cluster.kafka(), topics.prompts())) {
            Load load = new Load(seed, contextLength, 0, publisher::publish);
            try (Observer observer =
                    new Observer(
                            JournalFile.open(cluster.layout().journal()),
                            OutputReader.fromBeginning(cluster.kafka(), topics),
                            load)) {
                List<KillRecord> records = disturb(cluster, disk, job, observer, sizes);
                // What is missing then is counted as lost.
                observer.end();
                cluster.stop(job);
                observer.drain();
                progress.accept(load.turns().size() + " requests answered; now undisturbed");
                Outcome undisturbed =
                        Undisturbed.run(
                                cluster,
                                submission,
                                undisturbedConfig(),
                                load.published(),
                                load.turns().size());
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
            Cluster cluster,
            SmallDisk disk,
            ClusterJob job,
            Observer observer,
            CheckpointSizes sizes)
            throws Exception {
        Random random = new Random(seed);
        Faults faults = new Faults(cluster.processes(), disk, cluster.rest(), random);
        return new Disturbance(cluster.processes(), job, observer, faults, sizes, random, progress)
                .run(plan.apply(Faults.kinds(disk)));
    }

    private Configuration undisturbedConfig() {
        Configuration config = jobConfig("undisturbed");
        // All kernels give the same bits; these are the fast ones.
        config.removeConfig(GenerationOptions.KERNELS);
        return config;
    }

    private Configuration jobConfig(String name) {
        Configuration config = JobOptions.named(name, options);
        // Small, so that a prompt takes several steps.
        config.set(GenerationOptions.MAX_BATCH_TOKENS, MAX_BATCH_TOKENS);
        config.set(GenerationOptions.MAX_SEQUENCES, MAX_SEQUENCES);
        config.set(GenerationOptions.THREADS, 1);
        return config;
    }
}
