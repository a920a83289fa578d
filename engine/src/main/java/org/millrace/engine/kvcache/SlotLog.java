// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The slots of a cache in storage, as a log: each {@link #write} adds an entry with the slots that
 * are new since the one before, so that a slot is written once. An entry goes when all its pages
 * are gone; when less than half of its slots are needed, or when many entries are small, what is
 * needed of them is written again. A section of version {@value Sections#VERSION}, little-endian:
 *
 * <pre>
 *   int32 magic "MRSL", int32 version, int32 n, then n runs, ascending by head and ordinal:
 *     int32 head (layer-major), int32 ordinal of a page, int32 mask of its slots,
 *   then these slots side by side ({@link KvPageDescriptor#slotBytes}), int32 crc
 * </pre>
 *
 * Ids ascend. One that was used before the last restore may be used again once nothing has it.
 */
final class SlotLog {
    private static final int MAGIC = 0x4C53524D;
    private static final int RUN_INTS = 3;
    private static final int RUN_BYTES = RUN_INTS * Integer.BYTES;

    /** Entries are split here, or a little above. */
    private static final int MAX_ENTRY_BYTES = 1 << 20;

    /** An entry with fewer slots a head is small, if it is not half of the largest. */
    private static final int SMALL_SLOTS = 4;

    /** So many small entries are written again as one. */
    private static final int MAX_SMALL_ENTRIES = 16;

    /** An entry in storage. */
    private static final class Entry {
        private final long id;

        /** {@link #pageKey} of each run, ascending. */
        private final long[] pages;

        /** Slots of each run that are needed. */
        private final int[] needed;

        private final int slots;
        private int slotsNeeded;

        Entry(long id, long[] pages, int[] needed, int slots) {
            this.id = id;
            this.pages = pages;
            this.needed = needed;
            this.slots = slots;
            for (int count : needed) {
                slotsNeeded += count;
            }
        }

        boolean isSparse() {
            return 2 * slotsNeeded < slots;
        }

        void forget(long page) {
            int run = Arrays.binarySearch(pages, page);
            if (run >= 0) {
                slotsNeeded -= needed[run];
                needed[run] = 0;
            }
        }
    }

    private final PagePool pool;
    private final HeadCache[] heads;
    private final int slotBytes;
    private final List<Entry> entries = new ArrayList<>();
    private final List<Entry> deleted = new ArrayList<>();
    private final SlotList slots = new SlotList();

    /** Runs of the entry that is being written: int32 head, ordinal, mask. */
    private final IntList runs = new IntList();

    private long nextId;

    SlotLog(PagePool pool, HeadCache[] heads) {
        this.pool = pool;
        this.heads = heads;
        this.slotBytes = pool.layout().page().slotBytes();
    }

    private static long pageKey(int head, int ordinal) {
        return (long) head << 32 | ordinal;
    }

    private static int headOf(long page) {
        return (int) (page >> 32);
    }

    /** Ids of the entries, the oldest first. */
    long[] ids() {
        return entries.stream().mapToLong(entry -> entry.id).toArray();
    }

    /** Takes in that a page is gone. */
    void forget(int head, int ordinal) {
        long page = pageKey(head, ordinal);
        entries.forEach(entry -> entry.forget(page));
    }

    /** Writes what is new, then deletes what is not needed any more; returns slots written. */
    int write(SlotSink sink) {
        giveUpSparse();
        giveUpSmall();
        int written = 0;
        for (int head = 0; head < heads.length; head++) {
            HeadCache cache = heads[head];
            int end = HeadCache.pagesOf(cache.durableSlots());
            for (int index = cache.firstUnstored(); index < end; index++) {
                addRun(head, index, cache.takeUnstored(index));
                if (slotBytes * slots.count() >= MAX_ENTRY_BYTES) {
                    written += writeEntry(sink);
                }
            }
        }
        written += writeEntry(sink);
        deleted.forEach(entry -> sink.delete(entry.id));
        deleted.clear();
        return written;
    }

    private void addRun(int head, int index, int mask) {
        if (mask == 0) {
            return;
        }
        runs.add(head);
        runs.add(heads[head].ordinal(index));
        runs.add(mask);
        slots.add(heads[head].page(index), mask);
    }

    private int writeEntry(SlotSink sink) {
        int count = slots.count();
        if (count == 0) {
            return 0;
        }
        int numRuns = runs.count() / RUN_INTS;
        ByteBuffer out =
                Sections.start(Integer.BYTES + numRuns * RUN_BYTES + count * slotBytes, MAGIC);
        out.putInt(numRuns);
        runs.writeTo(out);
        pool.packSlots(slots, out);
        long id = nextId++;
        long[] pages = new long[numRuns];
        int[] needed = new int[numRuns];
        for (int run = 0; run < numRuns; run++) {
            int at = RUN_INTS * run;
            pages[run] = pageKey(runs.get(at), runs.get(at + 1));
            needed[run] = Integer.bitCount(runs.get(at + 2));
        }
        entries.add(new Entry(id, pages, needed, count));
        sink.write(id, Sections.finish(out));
        slots.clear();
        runs.clear();
        return count;
    }

    /** Entries that are mostly not needed; giving one up can make others so. */
    private void giveUpSparse() {
        for (int i = 0; i < entries.size(); i++) {
            if (entries.get(i).isSparse()) {
                giveUp(entries.get(i));
                i = -1;
            }
        }
    }

    private void giveUpSmall() {
        int most = Math.min(SMALL_SLOTS * heads.length, MAX_ENTRY_BYTES / 2 / slotBytes);
        int small = 0;
        for (Entry entry : entries) {
            small += entry.slots < most ? 1 : 0;
        }
        if (small >= MAX_SMALL_ENTRIES) {
            entries.stream().filter(entry -> entry.slots < most).toList().forEach(this::giveUp);
            giveUpSparse();
        }
    }

    /** The pages of an entry are to be written again. */
    private void giveUp(Entry entry) {
        for (int run = 0; run < entry.pages.length; run++) {
            if (entry.needed[run] > 0) {
                HeadCache head = heads[headOf(entry.pages[run])];
                int ordinal = (int) entry.pages[run];
                head.forgetStored(head.indexOf(ordinal));
                forget(headOf(entry.pages[run]), ordinal);
            }
        }
        entries.remove(entry);
        deleted.add(entry);
    }

    /**
     * Reads the slots of all heads, whose page tables are restored already.
     *
     * @throws CorruptCacheException if an entry is missing or damaged, or a slot is in none
     */
    void restore(long[] ids, SlotSource source) {
        int[][] missing = new int[heads.length][];
        for (int head = 0; head < heads.length; head++) {
            missing[head] = heads[head].durableMasks();
        }
        // The newest first: what was written again is in an older one, too.
        for (int i = ids.length - 1; i >= 0; i--) {
            byte[] bytes = source.read(ids[i]);
            if (bytes == null) {
                throw new CorruptCacheException("missing slots: id=" + ids[i]);
            }
            entries.add(0, readEntry(ids[i], bytes, missing));
        }
        nextId = ids.length == 0 ? 0 : ids[ids.length - 1] + 1;
        for (int head = 0; head < heads.length; head++) {
            for (int index = 0; index < missing[head].length; index++) {
                if (missing[head][index] != 0) {
                    throw new CorruptCacheException(
                            String.format(
                                    "missing slots: head=%d, ordinal=%d, slots=%x",
                                    head, heads[head].ordinal(index), missing[head][index]));
                }
            }
            heads[head].markAllStored();
        }
    }

    private Entry readEntry(long id, byte[] bytes, int[][] missing) {
        ByteBuffer in = Sections.open(bytes, MAGIC, "slots");
        try {
            int count = in.getInt();
            if (count < 0 || count > in.remaining() / RUN_BYTES) {
                throw new CorruptCacheException("slots with runs=" + count);
            }
            long[] keys = new long[count];
            int[] needed = new int[count];
            int span = in.position() + count * RUN_BYTES;
            int from = span;
            int total = 0;
            for (int run = 0; run < count; run++) {
                int head = in.getInt();
                int ordinal = in.getInt();
                int mask = in.getInt();
                checkRun(head, ordinal, run == 0 ? -1 : keys[run - 1]);
                keys[run] = pageKey(head, ordinal);
                int runSlots = Integer.bitCount(mask);
                int end = from + slotBytes * runSlots;
                int index = heads[head].indexOf(ordinal);
                if (index >= 0 && (mask & missing[head][index]) != 0) {
                    missing[head][index] &= ~mask;
                    needed[run] = runSlots;
                    // Each slot begins with its position.
                    heads[head].setPositions(index, mask, bytes, from, slotBytes);
                    slots.add(heads[head].page(index), mask);
                } else {
                    unpack(in, span, from);
                    span = end;
                }
                total += runSlots;
                from = end;
            }
            if (from != in.limit()) {
                throw new CorruptCacheException("slots of wrong size: bytes=" + bytes.length);
            }
            unpack(in, span, from);
            return new Entry(id, keys, needed, total);
        } catch (BufferUnderflowException | IndexOutOfBoundsException e) {
            throw new CorruptCacheException("slots end early: bytes=" + bytes.length);
        } finally {
            slots.clear();
        }
    }

    private void checkRun(int head, int ordinal, long before) {
        if (head < 0 || head >= heads.length || ordinal < 0 || pageKey(head, ordinal) <= before) {
            throw new CorruptCacheException(
                    String.format("slots with head=%d, ordinal=%d", head, ordinal));
        }
    }

    /** Puts the slots that were noted, bytes {@code [begin, end)}, into their pages. */
    private void unpack(ByteBuffer in, int begin, int end) {
        pool.unpackSlots(slots, in.slice(begin, end - begin));
        slots.clear();
    }
}
