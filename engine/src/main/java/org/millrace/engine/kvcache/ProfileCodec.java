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

    static byte[] encode(SessionCache cache) {
        ProfiledTurn turn = cache.profiledTurn();
        int areaBytes = Long.BYTES * turn.areaLongs();
        int bytes = Math.addExact(TURN_BYTES, Math.multiplyExact(cache.numHeads(), areaBytes));
        ByteBuffer out = Sections.start(bytes, MAGIC);
        turn.write(0, out.asIntBuffer());
        out.position(out.position() + TURN_BYTES);
        for (int head = 0; head < cache.numHeads(); head++) {
            out.asLongBuffer().put(cache.statistics(head));
            out.position(out.position() + areaBytes);
        }
        return Sections.finish(out);
    }

    /** Goes on with the profile that {@code bytes} hold. */
    static void restore(byte[] bytes, SessionCache cache) {
        ByteBuffer in = Sections.open(bytes, MAGIC, "profile of a prompt");
        IntBuffer ints = in.slice().order(in.order()).asIntBuffer();
        ProfiledTurn turn = ProfiledTurn.read(ints, 0);
        if (turn == null) {
            throw new CorruptCacheException("profile of a prompt without a turn");
        }
        in.position(in.position() + TURN_BYTES);
        cache.beginProfile(turn);
        try {
            for (int head = 0; head < cache.numHeads(); head++) {
                long[] statistics = new long[turn.areaLongs()];
                in.asLongBuffer().get(statistics);
                in.position(in.position() + Long.BYTES * statistics.length);
                cache.setStatistics(head, statistics);
            }
        } catch (BufferUnderflowException e) {
            throw new CorruptCacheException(
                    "profile of a prompt ends early: bytes=" + bytes.length);
        }
    }
}
