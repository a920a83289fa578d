// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.state.IncrementalKeyedStateHandle.HandleAndLocalPath;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.jobs.FlinkPaths;

/** What jobs that were killed have left is found, and goes when nothing refers to it. */
class SnapshotsTest {
    @TempDir private Path directory;
    private WorkDirectory work;
    private int minutes;

    @BeforeEach
    void take() throws IOException {
        work = WorkDirectory.take(directory);
    }

    @AfterEach
    void giveBack() throws IOException {
        work.close();
    }

    @Test
    void keepsWhatTheNewestCheckpointsReferTo() throws IOException {
        Path first = job();
        Path shared = stateFile(first.resolve("shared"));
        Path merged = stateFile(first.resolve("shared"));
        Path old = checkpoint(first, 1, stateFile(first.resolve("chk-1")), merged);
        Path second = job();
        Path exclusive = stateFile(second.resolve("chk-2"));
        Path newer = checkpoint(second, 2, exclusive, shared);
        Path incomplete = stateFile(second.resolve("chk-3"));
        Files.createFile(incomplete.resolveSibling("._metadata.inprogress." + UUID.randomUUID()));

        Snapshots snapshots = snapshots();
        assertThat(snapshots.newest().orElseThrow().path().getPath()).isEqualTo(newer.toString());
        snapshots.deleteUnused(retained(1));

        assertThat(old).doesNotExist();
        assertThat(merged).doesNotExist();
        assertThat(incomplete.getParent()).doesNotExist();
        assertThat(List.of(shared, exclusive, newer)).allSatisfy(f -> assertThat(f).exists());
    }

    @Test
    void keepsAsManyAsFlinkDoes() throws IOException {
        Path job = job();
        for (int id = 1; id <= 5; id++) {
            checkpoint(job, id, stateFile(job.resolve("chk-" + id)));
        }
        snapshots().deleteUnused(new Configuration());
        try (Stream<Path> left = Files.list(job)) {
            assertThat(left.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder("chk-3", "chk-4", "chk-5");
        }
    }

    @Test
    void aSavepointStaysAndNeedsNoCheckpointBeforeIt() throws IOException {
        Path job = job();
        checkpoint(job, 1, stateFile(job.resolve("chk-1")));
        Path savepoint = directory.resolve("savepoints").resolve("savepoint-1");
        complete(savepoint, stateFile(savepoint));

        Snapshots snapshots = snapshots();
        snapshots.deleteUnused(new Configuration());

        assertThat(job).doesNotExist();
        assertThat(snapshots().newest().orElseThrow().isSavepoint()).isTrue();
        assertThat(savepoint).isDirectoryContaining("glob:**-**");
    }

    @Test
    void nothingGoesIfItCannotBeToldWhatIsNeeded() throws IOException {
        Path job = job();
        Path file = stateFile(job.resolve("shared"));
        Path checkpoint = checkpoint(job, 1, file);
        Path left = stateFile(job.resolve("chk-2"));
        Files.writeString(checkpoint.resolve("_metadata"), "damaged " + file);
        assertThatThrownBy(() -> snapshots().deleteUnused(new Configuration()))
                .isInstanceOf(IOException.class);
        assertThat(file).exists();
        assertThat(left).exists();
    }

    @Test
    void theCheckpointsOfOtherJobsAreNotTouched() throws IOException {
        Path other = directory.resolve("checkpoints").resolve(new JobID().toString());
        Path file = stateFile(other.resolve("shared"));
        job();
        snapshots().deleteUnused(new Configuration());
        assertThat(file).exists();
        assertThat(snapshots().newest()).isEmpty();
    }

    private Snapshots snapshots() throws IOException {
        return Snapshots.of(work, new Configuration());
    }

    private static Configuration retained(int checkpoints) {
        return new Configuration().set(CheckpointingOptions.MAX_RETAINED_CHECKPOINTS, checkpoints);
    }

    private Path job() throws IOException {
        JobID job = new JobID();
        work.addJob(job);
        return directory.resolve("checkpoints").resolve(job.toString());
    }

    private static Path stateFile(Path directory) throws IOException {
        Files.createDirectories(directory);
        return Files.createFile(directory.resolve(UUID.randomUUID().toString()));
    }

    private Path checkpoint(Path job, int id, Path... files) throws IOException {
        return complete(job.resolve("chk-" + id), files);
    }

    private static CheckpointMetadata metadata(Path... files) {
        OperatorState operator = new OperatorState("name", "uid", new OperatorID(), 1, 128);
        List<HandleAndLocalPath> shared =
                Stream.of(files)
                        .map(file -> HandleAndLocalPath.of(handle(file), file.toString()))
                        .toList();
        operator.putState(
                0,
                OperatorSubtaskState.builder()
                        .setManagedKeyedState(
                                new IncrementalRemoteKeyedStateHandle(
                                        new UUID(0, 1),
                                        KeyGroupRange.of(0, 127),
                                        1,
                                        shared,
                                        List.of(),
                                        new ByteStreamStateHandle("meta", new byte[1])))
                        .build());
        return new CheckpointMetadata(1, List.of(operator), List.of());
    }

    private static FileStateHandle handle(Path file) {
        return new FileStateHandle(
                new org.apache.flink.core.fs.Path(FlinkPaths.of(file)), file.toFile().length());
    }

    /** Each is a minute younger than the one before. */
    private Path complete(Path snapshot, Path... files) throws IOException {
        Files.createDirectories(snapshot);
        Path metadata = snapshot.resolve("_metadata");
        try (OutputStream out = Files.newOutputStream(metadata)) {
            Checkpoints.storeCheckpointMetadata(metadata(files), out);
        }
        Files.setLastModifiedTime(metadata, FileTime.fromMillis(60_000L * ++minutes));
        return snapshot;
    }
}
