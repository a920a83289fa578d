// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.DataInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.state.CompletedCheckpointStorageLocation;
import org.apache.flink.runtime.state.IncrementalKeyedStateHandle.HandleAndLocalPath;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filemerging.SegmentFileStateHandle;
import org.apache.flink.runtime.state.filesystem.AbstractFsCheckpointStorageAccess;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of the savepoint or checkpoint that a job is going to start from. Looked at once, where
 * the job is submitted: Flink says {@code EOFException} and no name of a file that was cut off, in
 * each task and at each restart.
 */
final class SavepointFiles {
    private static final Logger LOG = LoggerFactory.getLogger(SavepointFiles.class);

    /** Files of one directory, with the bytes that each must have at least. */
    private final Map<Path, Map<String, Long>> expected = new HashMap<>();

    private SavepointFiles() {}

    /**
     * Checks the files of keyed state, if the job starts from a savepoint or checkpoint.
     *
     * @throws IOException naming the first that is missing or too short
     */
    static void check(ReadableConfig config) throws IOException {
        String path = config.get(StateRecoveryOptions.SAVEPOINT_PATH);
        if (path == null) {
            return;
        }
        SavepointFiles files = new SavepointFiles();
        for (OperatorState operator : metadata(path).getOperatorStates()) {
            for (OperatorSubtaskState subtask : operator.getStates()) {
                for (KeyedStateHandle handle : subtask.getManagedKeyedState()) {
                    streams(handle).forEach(files::add);
                }
            }
        }
        for (Map.Entry<Path, Map<String, Long>> directory : files.expected.entrySet()) {
            checkDirectory(directory.getKey(), directory.getValue());
        }
        LOG.info("State of {} is complete", path);
    }

    private static CheckpointMetadata metadata(String path) throws IOException {
        CompletedCheckpointStorageLocation location =
                AbstractFsCheckpointStorageAccess.resolveCheckpointPointer(path);
        try (DataInputStream in =
                new DataInputStream(location.getMetadataHandle().openInputStream())) {
            return Checkpoints.loadCheckpointMetadata(
                    in, SavepointFiles.class.getClassLoader(), location.getExternalPointer());
        }
    }

    private static List<StreamStateHandle> streams(KeyedStateHandle handle) {
        if (handle instanceof KeyGroupsStateHandle groups) {
            return List.of(groups.getDelegateStateHandle());
        }
        if (handle instanceof IncrementalRemoteKeyedStateHandle incremental) {
            List<StreamStateHandle> all = new ArrayList<>();
            all.add(incremental.getMetaDataStateHandle());
            Stream.concat(
                            incremental.getSharedState().stream(),
                            incremental.getPrivateState().stream())
                    .map(HandleAndLocalPath::getHandle)
                    .forEach(all::add);
            return all;
        }
        return List.of();
    }

    private void add(StreamStateHandle handle) {
        if (handle instanceof SegmentFileStateHandle segment) {
            add(segment.getFilePath(), segment.getStartPos() + segment.getStateSize());
        } else {
            handle.maybeGetPath().ifPresent(path -> add(path, handle.getStateSize()));
        }
    }

    private void add(Path file, long bytes) {
        expected.computeIfAbsent(file.getParent(), path -> new HashMap<>())
                .merge(file.getName(), bytes, Math::max);
    }

    private static void checkDirectory(Path directory, Map<String, Long> files) throws IOException {
        Map<String, Long> found = new HashMap<>();
        FileStatus[] listed = directory.getFileSystem().listStatus(directory);
        for (FileStatus file : listed == null ? new FileStatus[0] : listed) {
            found.put(file.getPath().getName(), file.getLen());
        }
        for (Map.Entry<String, Long> file : files.entrySet()) {
            Path path = new Path(directory, file.getKey());
            Long bytes = found.get(file.getKey());
            if (bytes == null) {
                throw new FileNotFoundException("missing state file: " + path);
            }
            if (bytes < file.getValue()) {
                throw new IOException(
                        String.format(
                                "state file was cut off: %s, bytes=%d, expected=%d;"
                                        + " go back to an older checkpoint",
                                path, bytes, file.getValue()));
            }
        }
    }
}
