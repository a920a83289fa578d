// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.model;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds a model's files: a local path as it is, a file of another Flink file system fetched once
 * per machine directory. Weights are mapped into memory, so they must lie on a local disk.
 */
public final class ModelLocation {
    private static final Logger LOG = LoggerFactory.getLogger(ModelLocation.class);

    private ModelLocation() {}

    /**
     * The local path of a model.
     *
     * @param model a path, or a URI of any Flink file system
     * @param cache directory for fetched files
     */
    public static synchronized Path resolve(String model, Path cache) throws IOException {
        Path local = Path.of(model);
        if (Files.exists(local) || !model.contains(":/")) {
            return local;
        }
        org.apache.flink.core.fs.Path remote = new org.apache.flink.core.fs.Path(model);
        FileSystem files = remote.getFileSystem();
        if (!files.isDistributedFS()) {
            return Path.of(remote.toUri().getPath());
        }
        return fetch(files, remote, cache);
    }

    private static Path fetch(FileSystem files, org.apache.flink.core.fs.Path remote, Path cache)
            throws IOException {
        FileStatus status = files.getFileStatus(remote);
        if (status.isDir()) {
            throw new IOException(
                    "model="
                            + remote
                            + " is a directory; only single files are fetched, such as GGUF");
        }
        // Name, length and time tell whether it is the same file without reading all of it again.
        String key =
                sha256(
                        String.join(
                                "\n",
                                remote.toString(),
                                Long.toString(status.getLen()),
                                Long.toString(status.getModificationTime())));
        Path target = cache.resolve(key).resolve(remote.getName());
        if (!Files.exists(target)) {
            Files.createDirectories(target.getParent());
            copy(files, remote, status.getLen(), target);
        }
        return target;
    }

    private static void copy(
            FileSystem files, org.apache.flink.core.fs.Path remote, long length, Path target)
            throws IOException {
        Path partial = Files.createTempFile(target.getParent(), "fetch", ".part");
        MessageDigest digest = newDigest();
        try (FSDataInputStream in = files.open(remote);
                InputStream hashed = new DigestInputStream(in, digest)) {
            long copied = Files.copy(hashed, partial, StandardCopyOption.REPLACE_EXISTING);
            if (copied != length) {
                throw new IOException(
                        "model="
                                + remote
                                + " ended early: bytes="
                                + copied
                                + ", expected="
                                + length);
            }
            Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(partial);
        }
        LOG.info(
                "Fetched {}: bytes={}, sha256={}",
                remote,
                length,
                HexFormat.of().formatHex(digest.digest()));
    }

    private static String sha256(String text) {
        return HexFormat.of().formatHex(newDigest().digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static MessageDigest newDigest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
