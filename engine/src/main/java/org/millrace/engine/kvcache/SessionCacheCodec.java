package org.millrace.engine.kvcache;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Stored form of the contents of a session's pages, sections of version {@value Sections#VERSION}.
 * Little-endian.
 *
 * <pre>
 *   page    int32 magic "MRPG", int32 version, the page as {@link KvPageDescriptor} draws it, slots that
 *           are not live all zero, int32 crc
 *   tails   int32 magic "MRTL", int32 version, then per head with slots % 32 != 0, per live slot of its last page:
 *             the slot ({@link KvPageDescriptor#slotBytes});
 *           int32 crc
 *   scores  int32 magic "MRSS", int32 version, then per head with a score mode: float32 per live slot from
 *           the last compaction's start on; int32 crc. No bytes at all if no head has one
 * </pre>
 *
 * A page's id is {@code layer << 48 | kvHead << 32 | ordinal}. Version 1 is the same but for
 * scores, which it had not. {@link SavedHeader} and {@link ProfileCodec} are the other two
 * sections.
 */
final class SessionCacheCodec {
    private static final int PAGE_MAGIC = 0x4750524D;
    private static final int TAILS_MAGIC = 0x4C54524D;
    private static final int SCORES_MAGIC = 0x5353524D;

    private final PagePool pool;
    private final CacheLayout layout;
    private final KvPageDescriptor page;
    private final SlotReader slots;

    SessionCacheCodec(PagePool pool) {
        this.pool = pool;
        this.layout = pool.layout();
        this.page = layout.page();
        this.slots = new SlotReader(page);
    }

    static long pageId(int layer, int kvHead, int ordinal) {
        return (long) layer << 48 | (long) kvHead << 32 | ordinal;
    }

    /**
     * A page on its way into storage.
     *
     * @param number in the pool
     */
    private record FullPage(long id, int number, int liveMask) {}

    int writeFullPages(HeadCache[] heads, PageSink sink) {
        List<FullPage> full = new ArrayList<>();
        for (int i = 0; i < heads.length; i++) {
            HeadCache head = heads[i];
            for (int index = head.storedPages(); index < head.fullPages(); index++) {
                int kvHead = i % layout.numKvHeads();
                long id = pageId(i / layout.numKvHeads(), kvHead, head.ordinal(index));
                full.add(new FullPage(id, head.page(index), head.durableMask(index)));
            }
            head.markStored(head.fullPages());
        }
        pool.readEach(
                full.stream().mapToInt(FullPage::number).toArray(),
                (i, raw) -> sink.write(full.get(i).id(), encodePage(raw, full.get(i).liveMask())));
        return full.size();
    }

    private byte[] encodePage(ByteBuffer raw, int liveMask) {
        clearDeadSlots(raw, liveMask);
        return Sections.finish(Sections.start(page.pageBytes(), PAGE_MAGIC).put(raw.rewind()));
    }

    /** What was evicted is nobody's: neither may it be stored, nor may bytes depend on it. */
    private void clearDeadSlots(ByteBuffer raw, int liveMask) {
        ByteBuffer empty = ByteBuffer.allocate(page.slotBytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int slot = 0; slot < KvPageDescriptor.PAGE_SLOTS; slot++) {
            if ((liveMask >>> slot & 1) == 0) {
                slots.read(empty.clear(), slot, raw);
            }
        }
    }

    byte[] encodeTails(HeadCache[] heads) {
        IntBuffer live = IntBuffer.allocate(2 * KvPageDescriptor.PAGE_SLOTS * heads.length);
        for (HeadCache head : heads) {
            int index = head.fullPages();
            int filled = head.durableSlots() % KvPageDescriptor.PAGE_SLOTS;
            for (int slot = 0; slot < filled; slot++) {
                if ((head.durableMask(index) >>> slot & 1) != 0) {
                    live.put(head.page(index)).put(slot);
                }
            }
        }
        byte[] packed = pool.packSlots(live.array(), live.position() / 2);
        return Sections.finish(Sections.start(packed.length, TAILS_MAGIC).put(packed));
    }

    /** Fills {@code heads}, which are empty. */
    void restorePages(
            SavedHeader header, byte[] tails, TailLog log, PageSource source, HeadCache[] heads) {
        for (int i = 0; i < heads.length; i++) {
            heads[i].restore(header.heads().get(i), pool);
            readFullPages(i, heads[i], source, header.length());
        }
        if (TailLog.isIndex(tails)) {
            log.restore(
                    tails,
                    source,
                    heads,
                    (i, raw) -> fillPage(heads[i], heads[i].fullPages(), raw, header.length()));
        } else {
            readTails(tails, heads, header.length());
        }
    }

    private void readFullPages(int headIndex, HeadCache head, PageSource source, int length) {
        int layer = headIndex / layout.numKvHeads();
        int kvHead = headIndex % layout.numKvHeads();
        for (int index = 0; index < head.fullPages(); index++) {
            int ordinal = head.ordinal(index);
            String what = "page layer=" + layer + ", kvHead=" + kvHead + ", ordinal=" + ordinal;
            byte[] bytes = source.read(pageId(layer, kvHead, ordinal));
            if (bytes == null) {
                throw new CorruptCacheException("missing " + what);
            }
            if (bytes.length != Sections.bytes(page.pageBytes())) {
                throw new CorruptCacheException(
                        "wrong size of " + what + ": bytes=" + bytes.length);
            }
            fillPage(head, index, Sections.open(bytes, PAGE_MAGIC, what).slice(), length);
        }
    }

    private void readTails(byte[] tails, HeadCache[] heads, int length) {
        ByteBuffer in = Sections.open(tails, TAILS_MAGIC, "tail pages");
        try {
            for (HeadCache head : heads) {
                int filled = head.slots() % KvPageDescriptor.PAGE_SLOTS;
                if (filled > 0) {
                    ByteBuffer raw =
                            ByteBuffer.allocate(page.pageBytes()).order(ByteOrder.LITTLE_ENDIAN);
                    for (int slot = 0; slot < filled; slot++) {
                        if ((head.durableMask(head.fullPages()) >>> slot & 1) != 0) {
                            slots.read(in, slot, raw);
                        }
                    }
                    fillPage(head, head.fullPages(), raw, length);
                }
            }
        } catch (BufferUnderflowException | IndexOutOfBoundsException e) {
            throw new CorruptCacheException("tail pages end early: bytes=" + tails.length);
        }
    }

    /**
     * Takes a page in; its live positions ascend and lie in {@code [0, length)}, as kernels trust.
     */
    private void fillPage(HeadCache head, int index, ByteBuffer raw, int length) {
        raw.order(ByteOrder.LITTLE_ENDIAN);
        int first = KvPageDescriptor.PAGE_SLOTS * index;
        int count = Math.min(KvPageDescriptor.PAGE_SLOTS, head.slots() - first);
        int live = head.durableMask(index);
        int last = -1;
        for (int slot = 0; slot < count; slot++) {
            int position = raw.getInt(page.positionOffset(slot));
            if ((live >>> slot & 1) != 0) {
                if (position <= last || position >= length) {
                    throw new CorruptCacheException(
                            String.format(
                                    "page with position=%d after %d, length=%d",
                                    position, last, length));
                }
                last = position;
            }
            head.setPosition(first + slot, position);
        }
        pool.write(head.page(index), raw);
    }

    /**
     * @param from first position that carries a score
     */
    byte[] encodeScores(int from, HeadCache[] heads) {
        if (!hasScores(heads)) {
            return new byte[0];
        }
        ByteBuffer out = Sections.start(Float.BYTES * countScores(from, heads), SCORES_MAGIC);
        for (HeadCache head : heads) {
            if (head.scoreMode() == CacheView.SCORE_NONE) {
                continue;
            }
            ByteBuffer scores = null;
            for (int slot = 0; slot < head.durableSlots(); slot++) {
                int inPage = slot % KvPageDescriptor.PAGE_SLOTS;
                if (inPage == 0) {
                    scores = pool.readScores(head.page(slot / KvPageDescriptor.PAGE_SLOTS));
                }
                if (head.isLive(slot) && head.position(slot) >= from) {
                    out.putInt(scores.getInt(Float.BYTES * inPage));
                }
            }
        }
        return Sections.finish(out);
    }

    private static boolean hasScores(HeadCache[] heads) {
        return Stream.of(heads).anyMatch(head -> head.scoreMode() != CacheView.SCORE_NONE);
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
    void restoreScores(byte[] bytes, int from, HeadCache[] heads) {
        if (!hasScores(heads)) {
            return;
        }
        ByteBuffer in = Sections.open(bytes, SCORES_MAGIC, "scores");
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
