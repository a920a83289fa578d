// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;

/**
 * Page table of one KV head of one layer. Slots are taken in ascending position; evicting a
 * position clears its live bit, a page without live slots is freed, and {@link #rewrite} packs the
 * rest densely. Every page has an ordinal that the head never uses again.
 */
final class HeadCache {
    private static final int PAGE_SLOTS = KvPageDescriptor.PAGE_SLOTS;
    private static final int ENTRY_INTS = 2;
    private static final int ALL_LIVE = -1;

    /** int[pages][2]: page number, live mask; as kernels read it. */
    private int[] entries = new int[ENTRY_INTS * 4];

    private int[] ordinals = new int[4];

    /** Slots of each page that are stored. */
    private int[] stored = new int[4];

    /** Position of each slot taken, live or not. */
    private int[] positions = new int[4 * PAGE_SLOTS];

    /** Entries before this one are as kernels have them. */
    private int firstChanged;

    /** Where kernels have the table: the generation, first entry and size of its place. */
    private int placeGeneration;

    private int firstEntry;
    private int room;
    private int slots;
    private int live;
    private int nextOrdinal;

    /** Pages before this one are stored whole. */
    private int firstUnstored;

    /** Slots before a replay, or -1. Those behind are not stored. */
    private int slotsBeforeReplay = -1;

    private int ordinalBeforeReplay;
    private int rung = SessionCache.NO_RUNG;
    private int scoreMode = CacheView.SCORE_NONE;

    /** Slots taken in the pages of the table, live or not; the next position takes this one. */
    int slots() {
        return slots;
    }

    int live() {
        return live;
    }

    int pages() {
        return pagesOf(slots);
    }

    static int pagesOf(int slots) {
        return (slots + PAGE_SLOTS - 1) / PAGE_SLOTS;
    }

    /** Slots that belong into storage: all but replayed ones. */
    int durableSlots() {
        return slotsBeforeReplay < 0 ? slots : slotsBeforeReplay;
    }

    int page(int index) {
        return entries[ENTRY_INTS * index];
    }

    /** Numbers of the pages that hold the first {@code slots} slots. */
    int[] pagesOfFirst(int slots) {
        int[] numbers = new int[pagesOf(slots)];
        Arrays.setAll(numbers, this::page);
        return numbers;
    }

    /** Live slots of a page that belong into storage. */
    int durableMask(int index) {
        int taken = durableSlots() - PAGE_SLOTS * index;
        return liveMask(index) & (taken >= PAGE_SLOTS ? ALL_LIVE : (1 << taken) - 1);
    }

    private int liveMask(int index) {
        return entries[ENTRY_INTS * index + 1];
    }

    int ordinal(int index) {
        return ordinals[index];
    }

    /** Ordinal of the next new page. */
    int nextOrdinal() {
        return slotsBeforeReplay < 0 ? nextOrdinal : ordinalBeforeReplay;
    }

    /** {@link #durableMask} of all pages that have slots which belong into storage. */
    int[] durableMasks() {
        int[] masks = new int[pagesOf(durableSlots())];
        Arrays.setAll(masks, this::durableMask);
        return masks;
    }

    /** Place of a page in the table, negative if it is not there. */
    int indexOf(int ordinal) {
        return Arrays.binarySearch(ordinals, 0, pages(), ordinal);
    }

    /** First page that may have slots which are not stored. */
    int firstUnstored() {
        return firstUnstored;
    }

    /** The live slots of a page that are not stored; from here on they are. */
    int takeUnstored(int index) {
        int filled = Math.min(PAGE_SLOTS, durableSlots() - PAGE_SLOTS * index);
        int before = stored[index];
        stored[index] = filled;
        if (filled == PAGE_SLOTS && firstUnstored == index) {
            firstUnstored++;
        }
        return before == PAGE_SLOTS ? 0 : durableMask(index) & ALL_LIVE << before;
    }

    /** All slots of a page are to be stored again. */
    void forgetStored(int index) {
        stored[index] = 0;
        firstUnstored = Math.min(firstUnstored, index);
    }

    /** All slots are stored. */
    void markAllStored() {
        firstUnstored = 0;
        for (int index = 0; index < pages(); index++) {
            takeUnstored(index);
        }
    }

    int rung() {
        return rung;
    }

    int scoreMode() {
        return scoreMode;
    }

    void setPolicy(int rung, int scoreMode) {
        this.rung = rung;
        this.scoreMode = scoreMode;
    }

    boolean isLive(int slot) {
        return (liveMask(slot / PAGE_SLOTS) >>> slot % PAGE_SLOTS & 1) != 0;
    }

    int position(int slot) {
        return positions[slot];
    }

    void setPosition(int slot, int position) {
        positions[slot] = position;
    }

    /**
     * Sets the positions of the slots of a page that {@code mask} has bits for.
     *
     * @param bytes hold them from {@code at} on, each {@code stride} bytes behind the one before,
     *     int32 little-endian
     */
    void setPositions(int index, int mask, byte[] bytes, int at, int stride) {
        int[] to = positions;
        int from = at;
        int slot = PAGE_SLOTS * index;
        for (int rest = mask; rest != 0; slot++, rest >>>= 1) {
            if ((rest & 1) != 0) {
                to[slot] =
                        bytes[from] & 0xFF
                                | (bytes[from + 1] & 0xFF) << 8
                                | (bytes[from + 2] & 0xFF) << 16
                                | bytes[from + 3] << 24;
                from += stride;
            }
        }
    }

    /**
     * Live positions ascend and lie in {@code [0, length)}, as kernels trust.
     *
     * @throws CorruptCacheException if they do not
     */
    void checkPositions(int length) {
        int last = -1;
        for (int index = 0; index < pages(); index++) {
            int slot = PAGE_SLOTS * index;
            for (int rest = liveMask(index); rest != 0; slot++, rest >>>= 1) {
                if ((rest & 1) == 0) {
                    continue;
                }
                int position = positions[slot];
                if (position <= last || position >= length) {
                    throw new CorruptCacheException(
                            String.format(
                                    "slot with position=%d after %d, length=%d",
                                    position, last, length));
                }
                last = position;
            }
        }
    }

    private void markChanged(int index) {
        firstChanged = Math.min(firstChanged, index);
    }

    /** Whether the table has a place of this generation, in which it fits. */
    boolean hasPlace(int generation) {
        return placeGeneration == generation && pages() <= room;
    }

    /** Gives it a place, where kernels have nothing of it yet. */
    void place(int generation, int entry, int size) {
        placeGeneration = generation;
        firstEntry = entry;
        room = size;
        firstChanged = 0;
    }

    /** First entry of its place. */
    int firstEntry() {
        return firstEntry;
    }

    /** Tells {@code sink} of all entries that kernels do not have yet; from here on they do. */
    void takeChanges(EntrySink sink) {
        for (int index = firstChanged; index < pages(); index++) {
            sink.change(firstEntry + index, page(index), liveMask(index));
        }
        firstChanged = pages();
    }

    /** Takes slots for {@code count} positions, with new pages where needed; all become live. */
    void append(int firstPosition, int count, PagePool pool) {
        for (int i = 0; i < count; i++) {
            int index = slots / PAGE_SLOTS;
            if (slots % PAGE_SLOTS == 0) {
                addPage(index, pool.allocate(), nextOrdinal++);
            }
            entries[ENTRY_INTS * index + 1] |= 1 << slots % PAGE_SLOTS;
            markChanged(index);
            positions[slots] = firstPosition + i;
            slots++;
            live++;
        }
    }

    private void addPage(int index, int page, int ordinal) {
        if (index == ordinals.length) {
            entries = Arrays.copyOf(entries, 2 * entries.length);
            ordinals = Arrays.copyOf(ordinals, 2 * ordinals.length);
            stored = Arrays.copyOf(stored, 2 * stored.length);
            positions = Arrays.copyOf(positions, 2 * positions.length);
        }
        entries[ENTRY_INTS * index] = page;
        entries[ENTRY_INTS * index + 1] = 0;
        ordinals[index] = ordinal;
        stored[index] = 0;
    }

    /** Appends the table as a header holds it, see {@link SavedHeader}. */
    void save(IntList out) {
        out.add(nextOrdinal());
        out.add(durableSlots());
        out.add(rung);
        out.add(scoreMode);
        int runsAt = out.count();
        out.add(0);
        int pages = pagesOf(durableSlots());
        int next = pages == 0 ? 0 : durableMask(0);
        for (int first = 0, end; first < pages; first = end) {
            int mask = next;
            for (end = first + 1; end < pages; end++) {
                next = durableMask(end);
                if (ordinals[end] != ordinals[first] + end - first || next != mask) {
                    break;
                }
            }
            out.add(ordinals[first]);
            out.add(end - first);
            out.add(mask);
            out.set(runsAt, out.get(runsAt) + 1);
        }
    }

    /**
     * Restores a page table; pages are new ones, to be filled, and positions are still to be set.
     */
    void restore(SavedHead saved, PagePool pool) {
        slots = saved.slots();
        nextOrdinal = saved.nextOrdinal();
        rung = saved.rung();
        scoreMode = saved.scoreMode();
        int index = 0;
        for (SavedHead.Run run : saved.runs()) {
            for (int i = 0; i < run.pages(); i++, index++) {
                addPage(index, pool.allocate(), run.ordinal() + i);
                entries[ENTRY_INTS * index + 1] = run.liveMask();
                live += Integer.bitCount(run.liveMask());
            }
        }
        markChanged(0);
    }

    /**
     * Drops the live positions that {@code drop} holds for, and frees pages without live slots.
     *
     * @param gone told the ordinal of each page that is freed
     */
    void evict(IntPredicate drop, PagePool pool, IntConsumer gone) {
        for (int slot = 0; slot < slots; slot++) {
            if (isLive(slot) && drop.test(positions[slot])) {
                entries[ENTRY_INTS * (slot / PAGE_SLOTS) + 1] &= ~(1 << slot % PAGE_SLOTS);
                markChanged(slot / PAGE_SLOTS);
                live--;
            }
        }
        int kept = 0;
        int pages = pages();
        for (int index = 0; index < pages; index++) {
            if (liveMask(index) == 0) {
                pool.free(page(index));
                gone.accept(ordinals[index]);
                slots -= Math.min(PAGE_SLOTS, slots - PAGE_SLOTS * kept);
                firstUnstored = Math.min(firstUnstored, kept);
            } else {
                movePage(index, kept++);
            }
        }
    }

    private void movePage(int from, int to) {
        if (from != to) {
            System.arraycopy(entries, ENTRY_INTS * from, entries, ENTRY_INTS * to, ENTRY_INTS);
            ordinals[to] = ordinals[from];
            stored[to] = stored[from];
            System.arraycopy(positions, PAGE_SLOTS * from, positions, PAGE_SLOTS * to, PAGE_SLOTS);
        }
    }

    /**
     * Whether more than a quarter of the slots are dead and a rewrite saves a page. Slots are thus
     * moved, and stored again, a few times at most, however many are evicted.
     */
    boolean isSparse() {
        return 4 * (slots - live) > slots && pagesOf(live) < pages();
    }

    /** Whether a slot that is not live lies before one that is, or behind the last. */
    boolean hasHoles() {
        return live < slots;
    }

    private int leadingFullPages() {
        int index = 0;
        while (index < pages() && liveMask(index) == ALL_LIVE) {
            index++;
        }
        return index;
    }

    /**
     * Packs the live slots densely into new pages, from the first page with a hole on. Their
     * contents move when {@code moves} is carried out.
     *
     * @param gone told the ordinal of each page that is given up
     */
    void rewrite(PagePool pool, SlotMoves moves, IntConsumer gone) {
        int first = leadingFullPages();
        int[] oldEntries = Arrays.copyOfRange(entries, ENTRY_INTS * first, ENTRY_INTS * pages());
        int[] oldPositions = Arrays.copyOfRange(positions, PAGE_SLOTS * first, slots);
        for (int index = first; index < pages(); index++) {
            moves.freeAfter(page(index));
            gone.accept(ordinals[index]);
        }
        firstUnstored = Math.min(firstUnstored, first);
        slots = PAGE_SLOTS * first;
        live = slots;
        for (int slot = 0; slot < oldPositions.length; slot++) {
            int entry = ENTRY_INTS * (slot / PAGE_SLOTS);
            if ((oldEntries[entry + 1] >>> slot % PAGE_SLOTS & 1) != 0) {
                append(oldPositions[slot], 1, pool);
                int to = slots - 1;
                moves.add(
                        oldEntries[entry],
                        slot % PAGE_SLOTS,
                        page(to / PAGE_SLOTS),
                        to % PAGE_SLOTS);
            }
        }
    }

    boolean isReplaying() {
        return slotsBeforeReplay >= 0;
    }

    /** From here on appended slots are a replay's: not stored, and dropped by the next call. */
    void beginReplay(PagePool pool) {
        endReplay(pool);
        slotsBeforeReplay = slots;
        ordinalBeforeReplay = nextOrdinal;
    }

    /** Drops the slots of a replay. */
    void endReplay(PagePool pool) {
        if (slotsBeforeReplay < 0) {
            return;
        }
        for (int index = pages() - 1; index >= pagesOf(slotsBeforeReplay); index--) {
            pool.free(page(index));
        }
        live -= slots - slotsBeforeReplay;
        int last = slotsBeforeReplay / PAGE_SLOTS;
        if (slotsBeforeReplay % PAGE_SLOTS != 0) {
            entries[ENTRY_INTS * last + 1] = durableMask(last);
            markChanged(last);
        }
        slots = slotsBeforeReplay;
        nextOrdinal = ordinalBeforeReplay;
        slotsBeforeReplay = -1;
    }

    /** Appends the whole page table, int[pages][2], to {@code target}. */
    void writeEntries(IntBuffer target) {
        target.put(entries, 0, ENTRY_INTS * pages());
    }

    void free(PagePool pool) {
        for (int index = pages() - 1; index >= 0; index--) {
            pool.free(page(index));
        }
        slots = 0;
        live = 0;
        firstUnstored = 0;
        slotsBeforeReplay = -1;
    }
}
