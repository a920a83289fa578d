// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Reads caches of versions 1 and 2, whose full pages were stored one by one. Little-endian.
 *
 * <pre>
 *   header  as {@link SavedHeader}, but without entries, and per head
 *             version 2: int32 nextOrdinal, slots, rung, scoreMode, then per page: int32 ordinal, liveMask
 *             version 1: int32 slots, then per page: int32 liveMask; no compactions and no profile either
 *   page    int32 magic "MRPG", int32 version, the page as {@link KvPageDescriptor} draws it, int32 crc
 *   tails   of a turn that had ended: int32 magic "MRTL", int32 version, then per head with slots % 32 != 0,
 *             per live slot of its last page: the slot ({@link KvPageDescriptor#slotBytes}); int32 crc
 *   index   of a running turn, in place of tails: int32 magic "MRTI", int32 version, int64 id per tail entry; int32 crc
 *   entry   of tails: int32 magic "MRTE", int32 version, then runs of slots:
 *             int32 head (layer-major), int32 ordinal of its page, int32 first slot, int32 n, n slots; int32 crc
 * </pre>
 *
 * A page's id is {@code layer << 48 | kvHead << 32 | ordinal}, a tail entry's is negative.
 */
final class PagedCache {
    /** Of headers; later ones are {@link SavedHeader}'s alone. */
    static final int LAST_VERSION = 2;

    private static final int PAGE_MAGIC = 0x4750524D;
    private static final int TAILS_MAGIC = 0x4C54524D;
    private static final int INDEX_MAGIC = 0x4954524D;
    private static final int ENTRY_MAGIC = 0x4554524D;
    private static final int PAGE_SLOTS = KvPageDescriptor.PAGE_SLOTS;

    private final PagePool pool;
    private final KvPageDescriptor page;
    private final int numKvHeads;
    private final HeadCache[] heads;
    private final SlotSource source;

    private PagedCache(PagePool pool, HeadCache[] heads, SlotSource source) {
        this.pool = pool;
        this.page = pool.layout().page();
        this.numKvHeads = pool.layout().numKvHeads();
        this.heads = heads;
        this.source = source;
    }

    /** Reads a head out of a header of one of these versions. */
    static SavedHead readHead(ByteBuffer in, int version) {
        boolean isFirst = version == 1;
        int nextOrdinal = isFirst ? 0 : in.getInt();
        int slots = in.getInt();
        int rung = isFirst ? SessionCache.NO_RUNG : in.getInt();
        int scoreMode = isFirst ? CacheView.SCORE_NONE : in.getInt();
        SavedHeader.checkCount("slots", slots, 0, in);
        int pages = HeadCache.pagesOf(slots);
        SavedHeader.checkCount("pages", pages, Integer.BYTES, in);
        List<SavedHead.Run> runs = new ArrayList<>(pages);
        for (int i = 0; i < pages; i++) {
            runs.add(new SavedHead.Run(isFirst ? i : in.getInt(), 1, in.getInt()));
        }
        return new SavedHead(isFirst ? pages : nextOrdinal, slots, rung, scoreMode, runs);
    }

    /** Ids of all that such a cache has beside its header and tails. */
    static long[] ids(SavedHeader header, byte[] tails) {
        LongStream pages =
                IntStream.range(0, header.heads().size())
                        .boxed()
                        .flatMapToLong(
                                i ->
                                        fullPages(header.heads().get(i))
                                                .mapToLong(o -> pageId(i, header.numKvHeads(), o)));
        return LongStream.concat(
                        pages, Arrays.stream(isIndex(tails) ? entryIds(tails) : new long[0]))
                .toArray();
    }

    private static IntStream fullPages(SavedHead head) {
        return head.runs().stream()
                .mapToInt(SavedHead.Run::ordinal)
                .limit(head.slots() / PAGE_SLOTS);
    }

    private static long pageId(int head, int numKvHeads, int ordinal) {
        return (long) (head / numKvHeads) << 48 | (long) (head % numKvHeads) << 32 | ordinal;
    }

    private static boolean isIndex(byte[] tails) {
        return tails.length >= Integer.BYTES
                && ByteBuffer.wrap(tails).order(ByteOrder.LITTLE_ENDIAN).getInt() == INDEX_MAGIC;
    }

    private static long[] entryIds(byte[] index) {
        ByteBuffer in = Sections.open(index, INDEX_MAGIC, "index of tail pages");
        long[] ids = new long[in.remaining() / Long.BYTES];
        in.slice().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(ids);
        return ids;
    }

    /** Reads the slots of all heads, whose page tables are restored already. */
    static void restore(PagePool pool, HeadCache[] heads, byte[] tails, SlotSource source) {
        PagedCache cache = new PagedCache(pool, heads, source);
        for (int head = 0; head < heads.length; head++) {
            cache.readFullPages(head);
        }
        if (isIndex(tails)) {
            cache.readEntries(tails);
        } else {
            cache.readTails(tails);
        }
    }

    private static int fullPages(HeadCache head) {
        return head.slots() / PAGE_SLOTS;
    }

    private void readFullPages(int index) {
        HeadCache head = heads[index];
        for (int i = 0; i < fullPages(head); i++) {
            long id = pageId(index, numKvHeads, head.ordinal(i));
            String what = String.format("page %x", id);
            byte[] bytes = source.read(id);
            if (bytes == null) {
                throw new CorruptCacheException("missing " + what);
            }
            if (bytes.length != Sections.bytes(page.pageBytes())) {
                throw new CorruptCacheException(
                        "wrong size of " + what + ": bytes=" + bytes.length);
            }
            ByteBuffer raw =
                    Sections.open(bytes, PAGE_MAGIC, what).slice().order(ByteOrder.LITTLE_ENDIAN);
            for (int slot = 0; slot < PAGE_SLOTS; slot++) {
                head.setPosition(PAGE_SLOTS * i + slot, raw.getInt(page.positionOffset(slot)));
            }
            pool.write(head.page(i), raw);
        }
    }

    private void readTails(byte[] tails) {
        ByteBuffer in = Sections.open(tails, TAILS_MAGIC, "tail pages");
        for (HeadCache head : heads) {
            if (head.slots() % PAGE_SLOTS > 0) {
                int index = fullPages(head);
                readSlots(in, head, head.durableMask(index), index);
            }
        }
    }

    /** Takes the slots of a mask into a page. */
    private void readSlots(ByteBuffer in, HeadCache head, int mask, int index) {
        SlotList slots = new SlotList();
        slots.add(head.page(index), mask);
        int bytes = page.slotBytes() * slots.count();
        if (bytes > in.remaining()) {
            throw new CorruptCacheException("tail pages end early");
        }
        for (int i = 0; i < slots.count(); i++) {
            int slot = slots.ints()[SlotList.INTS * i + 1];
            int position = in.getInt(in.position() + page.slotBytes() * i);
            head.setPosition(PAGE_SLOTS * index + slot, position);
        }
        pool.unpackSlots(slots, in.slice(in.position(), bytes));
        in.position(in.position() + bytes);
    }

    private void readEntries(byte[] index) {
        int[] missing = new int[heads.length];
        for (int i = 0; i < heads.length; i++) {
            boolean hasTail = heads[i].slots() % PAGE_SLOTS > 0;
            missing[i] = hasTail ? heads[i].durableMask(fullPages(heads[i])) : 0;
        }
        for (long id : entryIds(index)) {
            byte[] bytes = source.read(id);
            if (bytes == null) {
                throw new CorruptCacheException("missing tail entry: id=" + id);
            }
            readEntry(bytes, missing);
        }
        for (int i = 0; i < heads.length; i++) {
            if (missing[i] != 0) {
                throw new CorruptCacheException(
                        String.format("missing slots of tail: head=%d, slots=%x", i, missing[i]));
            }
        }
    }

    private void readEntry(byte[] bytes, int[] missing) {
        ByteBuffer in = Sections.open(bytes, ENTRY_MAGIC, "tail entry");
        try {
            while (in.hasRemaining()) {
                int index = in.getInt();
                int ordinal = in.getInt();
                int first = in.getInt();
                int count = in.getInt();
                HeadCache head = heads[index];
                if (first < 0 || count < 0 || first > PAGE_SLOTS - count) {
                    throw new CorruptCacheException("tail entry with slots=" + count);
                }
                int mask = (int) ((1L << first + count) - (1L << first));
                if (head.indexOf(ordinal) == fullPages(head)) {
                    readSlots(in, head, mask, fullPages(head));
                    missing[index] &= ~mask;
                } else {
                    in.position(in.position() + page.slotBytes() * count);
                }
            }
        } catch (BufferUnderflowException
                | IndexOutOfBoundsException
                | IllegalArgumentException e) {
            throw new CorruptCacheException("tail entry ends early: bytes=" + bytes.length);
        }
    }
}
