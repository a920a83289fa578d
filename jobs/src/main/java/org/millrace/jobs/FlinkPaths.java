// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;

/**
 * Paths as Flink's options spell them: with a scheme like a URI, but with nothing escaped. Flink
 * takes {@code %20} as three characters, so a {@link java.net.URI} is no way to name a file.
 */
public final class FlinkPaths {
    private FlinkPaths() {}

    /** A local path, made absolute. */
    public static String of(java.nio.file.Path path) {
        return new Path("file", null, path.toAbsolutePath().toString()).toString();
    }

    /** The file that {@link #of(java.nio.file.Path)} names. */
    public static java.nio.file.Path local(String path) {
        return java.nio.file.Path.of(new Path(path).getPath());
    }

    /**
     * What a user wrote: a URI as it is, a path in Flink's default file system, which is the local
     * one unless it is configured.
     */
    static String of(String text) {
        Path path = new Path(text);
        if (path.toUri().getScheme() != null) {
            return text;
        }
        URI files = FileSystem.getDefaultFsUri();
        return files.getScheme().equals("file")
                ? of(java.nio.file.Path.of(text))
                : new Path(files.getScheme(), files.getAuthority(), text).toString();
    }

    /**
     * Spells out the directories of checkpoints and savepoints, of which Flink wants the scheme.
     */
    static void qualify(Configuration config) {
        qualify(config, CheckpointingOptions.CHECKPOINTS_DIRECTORY);
        qualify(config, CheckpointingOptions.SAVEPOINT_DIRECTORY);
        qualify(config, StateRecoveryOptions.SAVEPOINT_PATH);
    }

    private static void qualify(Configuration config, ConfigOption<String> option) {
        config.getOptional(option).ifPresent(path -> config.set(option, of(path)));
    }

    /**
     * Refuses a directory for files of Flink and Kafka whose name they would read as something
     * else: in lists of directories both split at commas, and Flink at colons, too.
     *
     * @throws IOException naming the directory and the character
     */
    public static void checkDirectory(java.nio.file.Path directory) throws IOException {
        String name = directory.toAbsolutePath().toString();
        for (char character : new char[] {',', java.io.File.pathSeparatorChar, '\\'}) {
            if (name.indexOf(character) >= 0) {
                throw new IOException(
                        "directory="
                                + name
                                + " has '"
                                + character
                                + "' in its name, which Flink and Kafka take for a separator;"
                                + " choose another directory");
            }
        }
    }

    /**
     * Refuses a directory for Flink's temporary files that no code can be loaded from: RocksDB's
     * library is unpacked there. Makes it if it is missing.
     *
     * @throws IOException naming the directory, and what to do
     */
    public static void checkLoadable(java.nio.file.Path directory) throws IOException {
        Files.createDirectories(directory);
        java.nio.file.Path file = Files.createTempFile(directory, "loadable", ".so");
        try {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
            // By the system's access(2): false for whatever lies on a file system without it.
            if (!Files.isExecutable(file)) {
                throw new IOException(
                        "directory="
                                + directory
                                + " is mounted noexec, and RocksDB's library cannot be loaded from"
                                + " there; choose one on another file system by --work-dir, or for"
                                + " temporary files alone by -Dio.tmp.dirs=DIR");
            }
        } finally {
            Files.delete(file);
        }
    }
}
