// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * What a dead letter keeps of the value of a Kafka record.
 *
 * @param prefix the first {@value #MAX_PREFIX_BYTES} bytes of the value, or null if it had none;
 *     not changed by anybody
 * @param length of the whole value, in bytes
 * @param sha256 of the whole value, 64 hexadecimal digits, empty if it had none
 */
public record OriginalValue(byte[] prefix, long length, String sha256) {
    public static final int MAX_PREFIX_BYTES = 512 * 1024;

    /** Takes over {@code value}, which may be null. */
    public static OriginalValue of(byte[] value) {
        if (value == null) {
            return new OriginalValue(null, 0, "");
        }
        byte[] prefix =
                value.length <= MAX_PREFIX_BYTES ? value : Arrays.copyOf(value, MAX_PREFIX_BYTES);
        return new OriginalValue(prefix, value.length, sha256(value));
    }

    private static String sha256(byte[] value) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(value));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
