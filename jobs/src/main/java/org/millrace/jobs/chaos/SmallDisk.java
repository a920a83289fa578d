package org.millrace.jobs.chaos;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * A file system of its own that can be filled: a tmpfs. Mounting takes a permission that not
 * everybody has; {@code unshare -Urm ./millrace chaos} gives it in a name space of its own. Closing
 * unmounts. Not thread safe.
 */
final class SmallDisk implements AutoCloseable {
    private static final byte[] BLOCK = new byte[1 << 20];

    private final Path directory;
    private final Path filler;

    private final Thread unmountAtExit = new Thread(this::unmount);

    private SmallDisk(Path directory) {
        this.directory = directory;
        this.filler = directory.resolve("filler");
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

    long freeBytes() {
        return directory.toFile().getUsableSpace();
    }

    /**
     * Leaves only some bytes free. To be called again while it has to stay so full: what is deleted
     * meanwhile makes room.
     */
    void fill(long leftBytes) throws IOException {
        try (OutputStream out =
                Files.newOutputStream(
                        filler, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            long excess = freeBytes() - leftBytes;
            while (excess > 0) {
                out.write(BLOCK, 0, (int) Math.min(BLOCK.length, excess));
                excess = freeBytes() - leftBytes;
            }
        } catch (IOException e) {
            // Somebody else took the last byte.
            if (!String.valueOf(e.getMessage()).contains("No space left")) {
                throw e;
            }
        }
    }

    /** Gives back what {@link #fill} took. */
    void free() throws IOException {
        Files.deleteIfExists(filler);
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
