// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * A file system of its own that can be filled: a tmpfs. Mounting takes a permission that not
 * everybody has; {@code unshare -Urm ./millrace chaos} gives it in a name space of its own. Closing
 * unmounts. Not thread safe.
 */
final class SmallDisk implements AutoCloseable {
    private static final int ATTEMPTS = 100;

    private final Path directory;
    private final long bytes;

    private final Thread unmountAtExit = new Thread(this::unmount);

    private SmallDisk(Path directory) {
        this.directory = directory;
        this.bytes = directory.toFile().getTotalSpace();
        Runtime.getRuntime().addShutdownHook(unmountAtExit);
    }

    /**
     * @param directory empty
     * @throws IOException if it cannot be mounted
     */
    static SmallDisk mount(Path directory, int mebibytes) throws IOException, InterruptedException {
        run(
                List.of(
                        "mount",
                        "-t",
                        "tmpfs",
                        "-o",
                        "size=" + mebibytes + "m",
                        "tmpfs",
                        directory.toString()));
        return new SmallDisk(directory);
    }

    private static void run(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + ": " + output.strip());
        }
    }

    /**
     * Leaves no byte free, at once: the disk becomes as small as what is on it. To be called again
     * while it has to stay full: what is deleted meanwhile makes room.
     */
    void fill() throws IOException, InterruptedException {
        for (int attempt = 1; directory.toFile().getUsableSpace() > 0; attempt++) {
            long total = directory.toFile().getTotalSpace();
            try {
                resize(Math.max(1, total - directory.toFile().getUsableSpace()));
            } catch (IOException e) {
                // Somebody wrote meanwhile.
                if (attempt == ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    /** Gives back the space that {@link #fill} took. */
    void free() throws IOException, InterruptedException {
        resize(bytes);
    }

    private void resize(long newBytes) throws IOException, InterruptedException {
        run(List.of("mount", "-o", "remount,size=" + newBytes, directory.toString()));
    }

    @Override
    public void close() {
        unmount();
        Runtime.getRuntime().removeShutdownHook(unmountAtExit);
    }

    /** Lazily: a process that is being killed may still hold a file. */
    private void unmount() {
        try {
            run(List.of("umount", "--lazy", directory.toString()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
