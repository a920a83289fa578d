// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import static org.apache.flink.configuration.CheckpointingOptions.MAX_RETAINED_CHECKPOINTS;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.millrace.jobs.FlinkPaths;

/** Checkpoints and savepoints that the jobs of a work directory have left. */
final class Snapshots {
    /** As many as Flink keeps of a running job: one that cannot be read is replaced by hand. */
    static final int RETAINED = 3;

    private static final String METADATA = "_metadata";

    /** One that is complete. */
    record Snapshot(Path path, boolean isSavepoint, long completedMillis) {
        Path metadata() {
            return new Path(path, METADATA);
        }
    }

    private final List<Path> jobs;
    private final List<Snapshot> newestFirst = new ArrayList<>();

    private Snapshots(List<Path> jobs) {
        this.jobs = jobs;
    }

    static Snapshots of(WorkDirectory directory, Configuration options) throws IOException {
        String checkpoints = directory.checkpoints(options);
        Snapshots snapshots =
                new Snapshots(
                        directory.jobs().stream().map(job -> new Path(checkpoints, job)).toList());
        snapshots.add(new Path(FlinkPaths.of(directory.savepoints())), true);
        for (Path job : snapshots.jobs) {
            snapshots.add(job, false);
        }
        snapshots.newestFirst.sort(Comparator.comparing(Snapshot::completedMillis).reversed());
        return snapshots;
    }

    private void add(Path parent, boolean savepoints) throws IOException {
        FileSystem files = parent.getFileSystem();
        for (FileStatus child : children(parent)) {
            Path metadata = new Path(child.getPath(), METADATA);
            if (child.isDir() && files.exists(metadata)) {
                long millis = files.getFileStatus(metadata).getModificationTime();
                newestFirst.add(new Snapshot(child.getPath(), savepoints, millis));
            }
        }
    }

    Optional<Snapshot> newest() {
        return newestFirst.stream().findFirst();
    }

    /**
     * Deletes what jobs that were killed have left and nobody needs: files of checkpoints to which
     * none of the newest checkpoints refers. Of these as many are kept as Flink keeps of a running
     * job, and none that is older than a savepoint. Savepoints stay. No job may run.
     *
     * @throws IOException if it cannot be told what a checkpoint needs; then nothing is deleted
     */
    void deleteUnused(Configuration options) throws IOException {
        List<Snapshot> kept =
                newestFirst.stream()
                        .takeWhile(snapshot -> !snapshot.isSavepoint())
                        .limit(options.getOptional(MAX_RETAINED_CHECKPOINTS).orElse(RETAINED))
                        .toList();
        Set<String> used = new HashSet<>(Set.of(METADATA));
        for (Snapshot checkpoint : kept) {
            used.addAll(StateFileNames.of(checkpoint.metadata()));
        }
        for (Snapshot snapshot : newestFirst) {
            if (!snapshot.isSavepoint() && !kept.contains(snapshot)) {
                // First, so that no checkpoint looks complete and is not.
                snapshot.metadata().getFileSystem().delete(snapshot.metadata(), false);
            }
        }
        for (Path job : jobs) {
            deleteUnused(job, used);
        }
    }

    private static void deleteUnused(Path directory, Set<String> used) throws IOException {
        FileSystem files = directory.getFileSystem();
        for (FileStatus child : children(directory)) {
            if (child.isDir()) {
                deleteUnused(child.getPath(), used);
            } else if (!used.contains(child.getPath().getName())) {
                files.delete(child.getPath(), false);
            }
        }
        if (children(directory).isEmpty()) {
            files.delete(directory, false);
        }
    }

    private static List<FileStatus> children(Path directory) throws IOException {
        FileSystem files = directory.getFileSystem();
        return files.exists(directory) ? Arrays.asList(files.listStatus(directory)) : List.of();
    }
}
