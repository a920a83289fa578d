// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.util.FileUtils;
import org.millrace.jobs.FlinkPaths;

/**
 * What a run leaves to the next: topics, checkpoints, savepoints. One run at a time has it, until
 * it is closed; the system takes it from a process that dies.
 */
public final class WorkDirectory implements AutoCloseable {
    /** Flink's and RocksDB's unpacked libraries take 90 MiB, before anything is answered. */
    private static final long START_BYTES = 192L << 20;

    /** Below, the broker, checkpoints and RocksDB fail, one after the other. */
    private static final long RUN_BYTES = 24L << 20;

    private final Path directory;
    private final FileChannel lock;

    private WorkDirectory(Path directory, FileChannel lock) {
        this.directory = directory;
        this.lock = lock;
    }

    /**
     * Makes the directory if it is missing, and removes temporary files of a run that was killed.
     *
     * @throws IOException naming the directory if another run has it, or Flink cannot use its name
     */
    public static WorkDirectory take(Path directory) throws IOException {
        FlinkPaths.checkDirectory(directory);
        Files.createDirectories(directory);
        FileChannel lock =
                FileChannel.open(
                        directory.resolve("lock"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE);
        if (!tryLock(lock)) {
            lock.close();
            throw new IOException("another run is using the work directory " + directory);
        }
        WorkDirectory taken = new WorkDirectory(directory, lock);
        try {
            FileUtils.deleteDirectory(taken.temporaryFiles().toFile());
            taken.checkSpace(START_BYTES);
        } catch (IOException e) {
            taken.close();
            throw e;
        }
        return taken;
    }

    private static boolean tryLock(FileChannel lock) throws IOException {
        try {
            return lock.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    /**
     * Ends a run on a disk that becomes full, while its state and topics are whole.
     *
     * @throws IOException naming the directory and what is left
     */
    void checkSpace() throws IOException {
        checkSpace(RUN_BYTES);
    }

    private void checkSpace(long neededBytes) throws IOException {
        long freeBytes = Files.getFileStore(directory).getUsableSpace();
        if (freeBytes < neededBytes) {
            throw new IOException(
                    "no space left: directory="
                            + directory
                            + ", freeBytes="
                            + freeBytes
                            + ", must be at least "
                            + neededBytes
                            + "; make room and run again with the same --work-dir, or choose"
                            + " another");
        }
    }

    /** Topics of the embedded broker. */
    public Path broker() {
        return directory.resolve("broker");
    }

    /** Flink's own files, of no use to the next run. */
    public Path temporaryFiles() {
        return directory.resolve("tmp");
    }

    /** One of each stop. */
    public Path savepoints() {
        return directory.resolve("savepoints");
    }

    /** Flink's path of the checkpoints: the one that the options name, or one in here. */
    public String checkpoints(Configuration options) {
        return options.getOptional(CheckpointingOptions.CHECKPOINTS_DIRECTORY)
                .orElseGet(() -> FlinkPaths.of(directory.resolve("checkpoints")));
    }

    /** Ids of the jobs that ran here: others may have checkpoints in the same directory. */
    List<String> jobs() throws IOException {
        return Files.exists(jobsFile()) ? Files.readAllLines(jobsFile()) : List.of();
    }

    void addJob(JobID job) throws IOException {
        Files.writeString(
                jobsFile(), job + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private Path jobsFile() {
        return directory.resolve("jobs");
    }

    /** Removes all of it. */
    void delete() throws IOException {
        FileUtils.deleteDirectory(directory.toFile());
    }

    @Override
    public void close() throws IOException {
        lock.close();
    }
}
