// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * The frame around each part of a stored cache: magic, version, content, CRC32C of all bytes before
 * it. Little-endian.
 */
final class Sections {
    /** Written. */
    static final int VERSION = 3;

    /** Read, too. */
    private static final int FIRST_VERSION = 1;

    private static final int PREFIX_BYTES = 8;
    private static final int CRC_BYTES = 4;

    private Sections() {}

    /** Bytes of a section around {@code contentBytes}. */
    static int bytes(int contentBytes) {
        return PREFIX_BYTES + contentBytes + CRC_BYTES;
    }

    /** A buffer for a section, at its content's start. */
    static ByteBuffer start(int contentBytes, int magic) {
        return ByteBuffer.allocate(bytes(contentBytes))
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(magic)
                .putInt(VERSION);
    }

    /** Ends a section that is filled up to its checksum. */
    static byte[] finish(ByteBuffer out) {
        out.putInt(checksum(out.array(), out.position()));
        return out.array();
    }

    /** Version that a section says it has, unchecked; the newest if it is too short to say. */
    static int version(byte[] section) {
        return section.length < PREFIX_BYTES
                ? VERSION
                : ByteBuffer.wrap(section).order(ByteOrder.LITTLE_ENDIAN).getInt(Integer.BYTES);
    }

    /** Checks magic, version and checksum; the buffer is what lies between. */
    static ByteBuffer open(byte[] bytes, int magic, String what) {
        if (bytes.length < PREFIX_BYTES + CRC_BYTES) {
            throw new CorruptCacheException("truncated " + what + ": bytes=" + bytes.length);
        }
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int end = bytes.length - CRC_BYTES;
        if (in.getInt() != magic || in.getInt(end) != checksum(bytes, end)) {
            throw new CorruptCacheException("checksum of " + what + " does not match");
        }
        int version = in.getInt();
        if (version < FIRST_VERSION || version > VERSION) {
            throw new IncompatibleCacheException(
                    String.format(
                            "unknown format of %s: version=%d, known=%d to %d",
                            what, version, FIRST_VERSION, VERSION));
        }
        return in.limit(end);
    }

    private static int checksum(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }
}
