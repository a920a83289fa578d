package org.millrace.engine.kvcache;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/**
 * Unfinished pages of a running turn in storage, as a log: each snapshot adds an entry with the
 * slots that are new since the one before, and deletes entries whose pages are all full or gone.
 * Entries have negative ids, which pages have not. Sections of version {@value Sections#VERSION},
 * little-endian.
 *
 * <pre>
 *   entry   int32 magic "MRTE", int32 version, then runs of slots:
 *             int32 head (layer-major), int32 ordinal of its page, int32 first slot, int32 n, n slots
 *             ({@link KvPageDescriptor#slotBytes});
 *           int32 crc
 *   index   int32 magic "MRTI", int32 version, int64 id per entry, oldest first; int32 crc
 * </pre>
 *
 * A slot that was not live at its snapshot is all zero.
 */
final class TailLog {
    private static final int ENTRY_MAGIC = 0x4554524D;
    private static final int INDEX_MAGIC = 0x4954524D;
    private static final int RUN_BYTES = 4 * Integer.BYTES;
    private static final int NONE = -1;

    /** An entry and per head the ordinal of the page that it has slots of, or -1. */
    private record Entry(long id, int[] ordinals) {}

    private final PagePool pool;
    private final SlotReader slots;
    private final int slotBytes;
    private final Deque<Entry> entries = new ArrayDeque<>();

    /** Per head the page whose slots are in the log, and how many. */
    private final int[] ordinals;

    private final int[] stored;
    private long nextId = -1;

    TailLog(PagePool pool) {
        this.pool = pool;
        this.slots = new SlotReader(pool.layout().page());
        this.slotBytes = pool.layout().page().slotBytes();
        this.ordinals = new int[pool.layout().numHeads()];
        this.stored = new int[ordinals.length];
        Arrays.fill(ordinals, NONE);
    }

    /** Writes what is new of the unfinished pages; returns the index. */
    byte[] write(HeadCache[] heads, PageSink sink) {
        deleteUnneeded(heads, sink);
        int bytes = 0;
        for (int i = 0; i < heads.length; i++) {
            int count = filled(heads[i]) - first(heads, i);
            bytes += count == 0 ? 0 : RUN_BYTES + count * slotBytes;
        }
        if (bytes > 0) {
            sink.write(nextId, encode(heads, bytes));
            nextId--;
        }
        ByteBuffer index = Sections.start(Long.BYTES * entries.size(), INDEX_MAGIC);
        entries.forEach(entry -> index.putLong(entry.id()));
        return Sections.finish(index);
    }

    private void deleteUnneeded(HeadCache[] heads, PageSink sink) {
        entries.removeIf(
                entry -> {
                    for (int i = 0; i < heads.length; i++) {
                        if (filled(heads[i]) > 0 && entry.ordinals()[i] == tailOrdinal(heads[i])) {
                            return false;
                        }
                    }
                    sink.delete(entry.id());
                    return true;
                });
    }

    private static int filled(HeadCache head) {
        return head.durableSlots() % KvPageDescriptor.PAGE_SLOTS;
    }

    private static int tailOrdinal(HeadCache head) {
        return head.ordinal(head.fullPages());
    }

    /** First slot of a head's unfinished page that is not in the log. */
    private int first(HeadCache[] heads, int head) {
        boolean isKnown = filled(heads[head]) > 0 && ordinals[head] == tailOrdinal(heads[head]);
        return isKnown ? stored[head] : 0;
    }

    private byte[] encode(HeadCache[] heads, int bytes) {
        byte[] packed = packNew(heads);
        int[] touched = new int[heads.length];
        Arrays.fill(touched, NONE);
        ByteBuffer out = Sections.start(bytes, ENTRY_MAGIC);
        int packedBytes = 0;
        for (int i = 0; i < heads.length; i++) {
            int first = first(heads, i);
            int filled = filled(heads[i]);
            if (first < filled) {
                touched[i] = tailOrdinal(heads[i]);
                out.putInt(i).putInt(touched[i]).putInt(first).putInt(filled - first);
                int runBytes = (filled - first) * slotBytes;
                out.put(packed, packedBytes, runBytes);
                packedBytes += runBytes;
                clearDead(out, heads[i], first, filled);
                ordinals[i] = touched[i];
                stored[i] = filled;
            }
        }
        entries.add(new Entry(nextId, touched));
        return Sections.finish(out);
    }

    /** The new slots of all heads, those that are not live included, side by side. */
    private byte[] packNew(HeadCache[] heads) {
        IntBuffer added = IntBuffer.allocate(2 * KvPageDescriptor.PAGE_SLOTS * heads.length);
        for (int i = 0; i < heads.length; i++) {
            for (int slot = first(heads, i); slot < filled(heads[i]); slot++) {
                added.put(heads[i].page(heads[i].fullPages())).put(slot);
            }
        }
        return pool.packSlots(added.array(), added.position() / 2);
    }

    /** Zeroes slots of the run that {@code out} ends with: what was evicted is not stored. */
    private void clearDead(ByteBuffer out, HeadCache head, int first, int filled) {
        int mask = head.durableMask(head.fullPages());
        for (int slot = first; slot < filled; slot++) {
            if ((mask >>> slot & 1) == 0) {
                int begin = out.position() - (filled - slot) * slotBytes;
                Arrays.fill(out.array(), begin, begin + slotBytes, (byte) 0);
            }
        }
    }

    /** Deletes all entries: the unfinished pages are stored in another way. */
    void clear(PageSink sink) {
        entries.forEach(entry -> sink.delete(entry.id()));
        entries.clear();
        Arrays.fill(ordinals, NONE);
    }

    static boolean isIndex(byte[] tails) {
        return tails.length >= Integer.BYTES
                && ByteBuffer.wrap(tails).order(ByteOrder.LITTLE_ENDIAN).getInt() == INDEX_MAGIC;
    }

    /** Ids of the entries that an index names. */
    static long[] ids(byte[] index) {
        ByteBuffer in = Sections.open(index, INDEX_MAGIC, "index of tail pages");
        long[] ids = new long[in.remaining() / Long.BYTES];
        in.slice().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(ids);
        return ids;
    }

    /**
     * Reads unfinished pages of {@code heads} and hands them to {@code target}. The next {@link
     * #write} begins a new log.
     *
     * @param target takes a head's index and its page, whose slots that are not live are zero
     */
    void restore(byte[] index, PageSource source, HeadCache[] heads, TailTarget target) {
        ByteBuffer[] pages = new ByteBuffer[heads.length];
        int[] missing = new int[heads.length];
        for (int i = 0; i < heads.length; i++) {
            if (filled(heads[i]) > 0) {
                pages[i] =
                        ByteBuffer.allocate(pool.layout().page().pageBytes())
                                .order(ByteOrder.LITTLE_ENDIAN);
                missing[i] = heads[i].durableMask(heads[i].fullPages());
            }
        }
        for (long id : ids(index)) {
            readEntry(id, source.read(id), heads, pages, missing);
            int[] unneeded = new int[heads.length];
            Arrays.fill(unneeded, NONE);
            entries.add(new Entry(id, unneeded));
            nextId = Math.min(nextId, id - 1);
        }
        for (int i = 0; i < heads.length; i++) {
            if (missing[i] != 0) {
                throw new CorruptCacheException(
                        String.format(
                                "missing slots of tail page: head=%d, slots=%x", i, missing[i]));
            }
            if (pages[i] != null) {
                target.accept(i, pages[i]);
            }
        }
    }

    /** Takes the unfinished page of a head. */
    @FunctionalInterface
    interface TailTarget {
        void accept(int head, ByteBuffer page);
    }

    private void readEntry(
            long id, byte[] bytes, HeadCache[] heads, ByteBuffer[] pages, int[] missing) {
        if (bytes == null) {
            throw new CorruptCacheException("missing tail entry: id=" + id);
        }
        ByteBuffer in = Sections.open(bytes, ENTRY_MAGIC, "tail entry");
        try {
            while (in.hasRemaining()) {
                int head = in.getInt();
                int ordinal = in.getInt();
                int first = in.getInt();
                int count = in.getInt();
                boolean isTail = pages[head] != null && ordinal == tailOrdinal(heads[head]);
                int live = isTail ? heads[head].durableMask(heads[head].fullPages()) : 0;
                for (int slot = first; slot < first + count; slot++) {
                    if ((live >>> slot & 1) != 0) {
                        slots.read(in, slot, pages[head]);
                        missing[head] &= ~(1 << slot);
                    } else {
                        in.position(in.position() + slotBytes);
                    }
                }
            }
        } catch (BufferUnderflowException
                | IndexOutOfBoundsException
                | IllegalArgumentException e) {
            throw new CorruptCacheException("tail entry ends early: bytes=" + bytes.length);
        }
    }
}
