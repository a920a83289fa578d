// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import java.io.DataInputStream;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.state.IncrementalKeyedStateHandle.HandleAndLocalPath;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.StateObject;
import org.apache.flink.runtime.state.filemerging.SegmentFileStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;

/**
 * Names of the files that a checkpoint needs, by Flink's own reader of its metadata. Names and not
 * paths: they are unique, and a directory may be reached on several ways.
 */
final class StateFileNames {
    private final Set<String> names = new HashSet<>();

    private StateFileNames() {}

    /**
     * @throws IOException if the metadata cannot be read, or has state that may be anywhere
     */
    static Set<String> of(Path metadata) throws IOException {
        StateFileNames files = new StateFileNames();
        try (DataInputStream in = new DataInputStream(metadata.getFileSystem().open(metadata))) {
            CheckpointMetadata checkpoint =
                    Checkpoints.loadCheckpointMetadata(
                            in,
                            StateFileNames.class.getClassLoader(),
                            metadata.getParent().toString());
            for (OperatorState operator : checkpoint.getOperatorStates()) {
                for (StateObject state : operator.getDiscardables()) {
                    files.add(state);
                }
            }
        }
        return files.names;
    }

    private void add(StateObject state) throws IOException {
        if (state instanceof IncrementalRemoteKeyedStateHandle incremental) {
            add(incremental.getMetaDataStateHandle());
            for (HandleAndLocalPath file : incremental.getSharedState()) {
                add(file.getHandle());
            }
            for (HandleAndLocalPath file : incremental.getPrivateState()) {
                add(file.getHandle());
            }
        } else if (state instanceof KeyGroupsStateHandle keyed) {
            add(keyed.getDelegateStateHandle());
        } else if (state instanceof OperatorStateHandle operator) {
            add(operator.getDelegateStateHandle());
        } else if (state instanceof FileStateHandle file) {
            names.add(file.getFilePath().getName());
        } else if (state instanceof SegmentFileStateHandle segment) {
            names.add(segment.getFilePath().getName());
        } else if (!(state instanceof ByteStreamStateHandle)) {
            throw new IOException("unknown kind of state: " + state.getClass().getName());
        }
    }
}
