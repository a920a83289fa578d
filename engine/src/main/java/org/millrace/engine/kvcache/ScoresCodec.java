// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Stored form of the scores of slots that a policy may evict yet, a section of version {@value
 * Sections#VERSION}. Little-endian. No bytes at all if no head has a score mode.
 *
 * <pre>
 *   int32 magic "MRSS", int32 version, then per head with a score mode: float32 per live slot from the last
 *   compaction's start on; int32 crc
 * </pre>
 */
final class ScoresCodec {
    private static final int MAGIC = 0x5353524D;

    private final PagePool pool;

    ScoresCodec(PagePool pool) {
        this.pool = pool;
    }

    /**
     * @param from first position that carries a score
     */
    byte[] encode(int from, HeadCache[] heads) {
        if (!hasScores(heads)) {
            return new byte[0];
        }
        ByteBuffer out = Sections.start(Float.BYTES * countScores(from, heads), MAGIC);
        ByteBuffer stored = pool.readScores(scoredPages(heads));
        int first = 0;
        for (HeadCache head : heads) {
            if (head.scoreMode() == CacheView.SCORE_NONE) {
                continue;
            }
            for (int slot = 0; slot < head.durableSlots(); slot++) {
                if (head.isLive(slot) && head.position(slot) >= from) {
                    out.putInt(stored.getInt(first + Float.BYTES * slot));
                }
            }
            first += CacheLayout.SCORE_BYTES * HeadCache.pagesOf(head.durableSlots());
        }
        return Sections.finish(out);
    }

    private static int[] scoredPages(HeadCache[] heads) {
        return Stream.of(heads)
                .filter(head -> head.scoreMode() != CacheView.SCORE_NONE)
                .flatMapToInt(head -> IntStream.of(head.pagesOfFirst(head.durableSlots())))
                .toArray();
    }

    private static boolean hasScores(HeadCache[] heads) {
        for (HeadCache head : heads) {
            if (head.scoreMode() != CacheView.SCORE_NONE) {
                return true;
            }
        }
        return false;
    }

    private static int countScores(int from, HeadCache[] heads) {
        int count = 0;
        for (HeadCache head : heads) {
            boolean isScored = head.scoreMode() != CacheView.SCORE_NONE;
            for (int slot = 0; isScored && slot < head.durableSlots(); slot++) {
                count += head.isLive(slot) && head.position(slot) >= from ? 1 : 0;
            }
        }
        return count;
    }

    /** Writes the scores of restored pages. */
    void restore(byte[] bytes, int from, HeadCache[] heads) {
        if (!hasScores(heads)) {
            return;
        }
        ByteBuffer in = Sections.open(bytes, MAGIC, "scores");
        if (in.remaining() != Float.BYTES * countScores(from, heads)) {
            throw new CorruptCacheException("wrong number of scores: bytes=" + bytes.length);
        }
        for (HeadCache head : heads) {
            boolean isScored = head.scoreMode() != CacheView.SCORE_NONE;
            for (int index = 0; isScored && index < head.pages(); index++) {
                pool.writeScores(head.page(index), readScores(in, from, head, index));
            }
        }
    }

    private static ByteBuffer readScores(ByteBuffer in, int from, HeadCache head, int index) {
        ByteBuffer scores =
                ByteBuffer.allocate(Float.BYTES * KvPageDescriptor.PAGE_SLOTS)
                        .order(ByteOrder.LITTLE_ENDIAN);
        int first = KvPageDescriptor.PAGE_SLOTS * index;
        int end = Math.min(first + KvPageDescriptor.PAGE_SLOTS, head.slots());
        for (int slot = first; slot < end; slot++) {
            if (head.isLive(slot) && head.position(slot) >= from) {
                scores.putInt(Float.BYTES * (slot - first), in.getInt());
            }
        }
        return scores;
    }
}
