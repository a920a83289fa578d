// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;

/**
 * Stored form of the statistics of a turn whose prompt is not finished, a section of version
 * {@value Sections#VERSION}. Little-endian.
 *
 * <pre>
 *   int32 magic "MRPF", int32 version, int32[16] turn as {@link ProfiledTurn#write} writes it (offset 0),
 *   then per head (layer-major): int64[areaLongs] statistics; int32 crc
 * </pre>
 */
final class ProfileCodec {
    private static final int MAGIC = 0x4650524D;
    private static final int TURN_BYTES = Integer.BYTES * ProfiledTurn.INTS;

    private ProfileCodec() {}

    /** What was measured: the statistics of each head. */
    record Profile(ProfiledTurn turn, long[][] statistics) {}

    static byte[] encode(Profile profile) {
        ProfiledTurn turn = profile.turn();
        int heads = profile.statistics().length;
        int areaBytes = Long.BYTES * turn.areaLongs();
        int bytes = Math.addExact(TURN_BYTES, Math.multiplyExact(heads, areaBytes));
        ByteBuffer out = Sections.start(bytes, MAGIC);
        turn.write(0, out.asIntBuffer());
        out.position(out.position() + TURN_BYTES);
        for (long[] area : profile.statistics()) {
            out.asLongBuffer().put(area);
            out.position(out.position() + areaBytes);
        }
        return Sections.finish(out);
    }

    static Profile decode(byte[] bytes, int heads) {
        ByteBuffer in = Sections.open(bytes, MAGIC, "profile of a prompt");
        IntBuffer ints = in.slice().order(in.order()).asIntBuffer();
        ProfiledTurn turn = ProfiledTurn.read(ints, 0);
        if (turn == null) {
            throw new CorruptCacheException("profile of a prompt without a turn");
        }
        in.position(in.position() + TURN_BYTES);
        long[][] statistics = new long[heads][turn.areaLongs()];
        try {
            for (long[] area : statistics) {
                in.asLongBuffer().get(area);
                in.position(in.position() + Long.BYTES * area.length);
            }
        } catch (BufferUnderflowException e) {
            throw new CorruptCacheException(
                    "profile of a prompt ends early: bytes=" + bytes.length);
        }
        return new Profile(turn, statistics);
    }
}
