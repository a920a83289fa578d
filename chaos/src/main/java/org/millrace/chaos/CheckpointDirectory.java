// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * A job's checkpoints by their files: sooner than the JobManager tells, and also when it is dead.
 *
 * @param newest id of the checkpoint that began last, or -1
 * @param complete whether that one is complete
 */
record CheckpointDirectory(long newest, boolean complete) {
    private static final String PREFIX = "chk-";

    static CheckpointDirectory read(Path directory) throws IOException {
        long newest = -1;
        try (Stream<Path> entries = Files.list(directory)) {
            newest =
                    entries.map(entry -> entry.getFileName().toString())
                            .filter(name -> name.startsWith(PREFIX))
                            .mapToLong(name -> Long.parseLong(name.substring(PREFIX.length())))
                            .max()
                            .orElse(-1);
        } catch (NoSuchFileException e) {
            // The first checkpoint makes it.
        }
        Path metadata = directory.resolve(PREFIX + newest).resolve("_metadata");
        return new CheckpointDirectory(newest, newest >= 0 && Files.exists(metadata));
    }
}
