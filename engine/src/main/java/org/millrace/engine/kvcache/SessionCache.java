// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.Stream;

/**
 * The KV cache of one session: per layer and KV head a table of pages. Owned by the thread of its
 * generator. Slots that are taken never change; the last page of each head grows.
 *
 * <p>A compaction drops positions for good and packs the rest densely; between compactions single
 * positions are evicted. Memory that they took goes back to the pool.
 *
 * <p>To store it: {@link #storeGrown} as it grows, and {@link #save} at a snapshot and in the end.
 */
public final class SessionCache implements AutoCloseable {
    /** Rung of a head that no compaction has looked at. */
    public static final int NO_RUNG = -1;

    /** New positions that {@link #storeGrown} stores. */
    private static final int GROWN_POSITIONS = 8;

    private final PagePool pool;
    private final HeadCache[] heads;
    private final SlotMoves moves;
    private final SlotLog slotLog;
    private final ScoresCodec scoresCodec;
    private final List<Compaction> compactions = new ArrayList<>();
    private int length;

    /** Length when slots were stored last; negative if some were moved since. */
    private int storedLength;

    private int replayed;
    private int reservedPositions;
    private int reservedReplay;
    private long committedPages;
    private ProfiledTurn profiledTurn;
    private long profileOffset;

    /** Statistics out of a snapshot, as long as there is no memory for them; else null. */
    private ProfileCodec.Profile savedProfile;

    /** An empty cache that takes its pages from {@code pool}. */
    public SessionCache(PagePool pool) {
        this.pool = pool;
        this.moves = new SlotMoves(pool);
        this.scoresCodec = new ScoresCodec(pool);
        this.heads = new HeadCache[pool.layout().numHeads()];
        for (int i = 0; i < heads.length; i++) {
            heads[i] = new HeadCache();
        }
        this.slotLog = new SlotLog(pool, heads);
    }

    /**
     * Rebuilds a cache from {@link #save} and the stored slots. One of an older version ({@link
     * SavedCache#isPaged}) is to be saved at once: what is in {@code slots} of it is not used
     * again.
     *
     * @throws IncompatibleCacheException if it is of another model, layout or format version
     * @throws CorruptCacheException if a checksum fails or slots are missing
     */
    public static SessionCache restore(PagePool pool, SavedCache saved, SlotSource slots) {
        SessionCache cache = new SessionCache(pool);
        try {
            SavedHeader header = SavedHeader.read(saved.header());
            header.checkFingerprint(pool.layout());
            header.checkShape(pool.layout());
            cache.length = header.length();
            cache.reservedPositions = header.length();
            cache.compactions.addAll(header.compactions());
            cache.commitPages(header.pages());
            for (int i = 0; i < cache.heads.length; i++) {
                cache.heads[i].restore(header.heads().get(i), pool);
            }
            if (SavedCache.isPaged(saved.header())) {
                PagedCache.restore(pool, cache.heads, saved.tails(), slots);
            } else {
                cache.slotLog.restore(header.slotIds(), slots);
            }
            cache.storedLength = header.length();
            for (HeadCache head : cache.heads) {
                head.checkPositions(header.length());
            }
            cache.scoresCodec.restore(saved.scores(), cache.firstScored(), cache.heads);
            if (header.isProfiled()) {
                cache.savedProfile = ProfileCodec.decode(saved.profile(), cache.heads.length);
                cache.resumeProfile();
            }
            return cache;
        } catch (RuntimeException e) {
            cache.close();
            throw e;
        }
    }

    /** Positions in the cache, evicted ones included. */
    public int length() {
        return length;
    }

    /** The position that the next slot is for: {@link #length}, while replaying further on. */
    public int nextPosition() {
        return length + replayed;
    }

    /** Bytes of the pages that hold slots. */
    public long bytes() {
        long pages = 0;
        for (HeadCache head : heads) {
            pages += head.pages();
        }
        return pages * pool.layout().page().pageBytes();
    }

    /** Bytes that the same positions would take uncompressed. */
    public long fullBytes() {
        return pool.layout().pagesFor(length) * pool.layout().page().pageBytes();
    }

    /** Bytes, and what each head holds. */
    public CacheSummary summary() {
        List<CacheSummary.Head> summaries = new ArrayList<>(heads.length);
        for (int i = 0; i < heads.length; i++) {
            int layer = i / pool.layout().numKvHeads();
            int kvHead = i % pool.layout().numKvHeads();
            summaries.add(new CacheSummary.Head(layer, kvHead, heads[i].rung(), heads[i].live()));
        }
        return new CacheSummary(fullBytes(), bytes(), List.copyOf(summaries));
    }

    /**
     * Promises this cache the pages that it can need until it has {@code positions} positions, or
     * has replayed so many rows; gives back what was promised beyond.
     *
     * @throws IllegalStateException if the pool has not as many left
     */
    public void reserve(int positions, int replayRows) {
        reservedPositions = Math.max(positions, length);
        reservedReplay = replayRows;
        long needed = pagesNeeded();
        commitPages(needed);
        pool.release(committedPages - needed);
        committedPages = needed;
    }

    private long pagesNeeded() {
        int more = Math.max(reservedPositions - length, reservedReplay);
        long pages = 0;
        for (HeadCache head : heads) {
            pages += HeadCache.pagesOf(head.durableSlots() + more);
        }
        return pages;
    }

    private void commitPages(long pages) {
        if (pages > committedPages) {
            pool.commit(pages - committedPages);
            committedPages = pages;
        }
    }

    /** Takes slots for the next {@code count} positions in all heads; all heads then hold them. */
    public void append(int count) {
        long pages = 0;
        for (HeadCache head : heads) {
            pages += HeadCache.pagesOf(head.slots() + count);
        }
        commitPages(pages);
        for (HeadCache head : heads) {
            head.append(nextPosition(), count, pool);
        }
        if (isReplaying()) {
            replayed += count;
        } else {
            length += count;
        }
    }

    /** Slots of a head, those of the newest positions included. */
    public int slots(int layer, int kvHead) {
        return head(layer, kvHead).slots();
    }

    /** Number of pages of a head. */
    public int pages(int layer, int kvHead) {
        return head(layer, kvHead).pages();
    }

    /** Entry in the kernels' memory that a head's page table begins at. */
    public int firstEntry(int layer, int kvHead) {
        return head(layer, kvHead).firstEntry();
    }

    /** Tells {@code sink} what of a head's page table the kernels do not have yet, once. */
    public void takeChanges(int layer, int kvHead, EntrySink sink) {
        head(layer, kvHead).takeChanges(sink);
    }

    /** Appends a head's page table to {@code target}: int[pages][2], page number and live mask. */
    public void writeEntries(int layer, int kvHead, IntBuffer target) {
        head(layer, kvHead).writeEntries(target);
    }

    HeadCache[] heads() {
        return heads;
    }

    private HeadCache head(int layer, int kvHead) {
        return heads[layer * pool.layout().numKvHeads() + kvHead];
    }

    /** Rung of a head's policy since the last compaction, {@link #NO_RUNG} before the first. */
    public int rung(int layer, int kvHead) {
        return head(layer, kvHead).rung();
    }

    /** How decode steps update the scores of a head, see {@link CacheView#heads}. */
    public int scoreMode(int layer, int kvHead) {
        return head(layer, kvHead).scoreMode();
    }

    /** Whether decode steps score the slots of a head. */
    public boolean isScored() {
        return Stream.of(heads).anyMatch(head -> head.scoreMode() != CacheView.SCORE_NONE);
    }

    /** The positions from {@code from} on that a head holds, ascending. */
    public int[] positions(int layer, int kvHead, int from) {
        HeadCache head = head(layer, kvHead);
        int[] positions = new int[head.live()];
        int count = 0;
        for (int slot = 0; slot < head.slots(); slot++) {
            if (head.isLive(slot) && head.position(slot) >= from) {
                positions[count++] = head.position(slot);
            }
        }
        return Arrays.copyOf(positions, count);
    }

    /** The scores of {@link #positions}, 0 where none are kept. */
    public float[] scores(int layer, int kvHead, int from) {
        HeadCache head = head(layer, kvHead);
        if (head.scoreMode() == CacheView.SCORE_NONE) {
            return new float[positions(layer, kvHead, from).length];
        }
        float[] scores = new float[head.live()];
        int count = 0;
        ByteBuffer stored = pool.readScores(head.pagesOfFirst(head.slots()));
        for (int slot = 0; slot < head.slots(); slot++) {
            if (head.isLive(slot) && head.position(slot) >= from) {
                scores[count++] = stored.getFloat(Float.BYTES * slot);
            }
        }
        return Arrays.copyOf(scores, count);
    }

    /** Compactions so far, the oldest first. */
    public List<Compaction> compactions() {
        return List.copyOf(compactions);
    }

    /**
     * Drops positions of {@code [start, end)} that a head does not retain, packs the rest, and ends
     * a profile. Positions outside stay.
     *
     * @param retention what was asked for, in text form
     * @param retained all heads, by layer
     */
    public void compact(int start, int end, String retention, List<RetainedHead> retained) {
        long keptSlots = 0;
        long droppedSlots = 0;
        for (int i = 0; i < heads.length; i++) {
            RetainedHead head = retained.get(i);
            int live = heads[i].live();
            evict(
                    i,
                    position ->
                            position >= start
                                    && position < end
                                    && !head.columns().get(position - start));
            droppedSlots += live - heads[i].live();
            keptSlots += head.columns().cardinality();
            heads[i].setPolicy(head.rung(), head.scoreMode());
            if (heads[i].hasHoles()) {
                rewrite(i);
            }
        }
        moves.carryOut();
        for (int i = 0; i < heads.length; i++) {
            if (retained.get(i).scoreMode() != CacheView.SCORE_NONE) {
                setScores(heads[i], start, retained.get(i).scores());
            }
        }
        compactions.add(new Compaction(start, end, retention, keptSlots, droppedSlots));
        endProfile();
        reserve(reservedPositions, 0);
    }

    private void setScores(HeadCache head, int start, float[] scores) {
        for (int index = 0; index < head.pages(); index++) {
            int first = index * KvPageDescriptor.PAGE_SLOTS;
            ByteBuffer page =
                    ByteBuffer.allocate(Float.BYTES * KvPageDescriptor.PAGE_SLOTS)
                            .order(ByteOrder.LITTLE_ENDIAN);
            int end = Math.min(first + KvPageDescriptor.PAGE_SLOTS, head.slots());
            for (int slot = first; slot < end; slot++) {
                int column = head.position(slot) - start;
                if (column >= 0 && column < scores.length) {
                    page.putFloat(Float.BYTES * (slot - first), scores[column]);
                }
            }
            pool.writeScores(head.page(index), page);
        }
    }

    /** Drops the positions of a head that {@code drop} holds for. {@link #pack} when all are. */
    public void evict(int layer, int kvHead, IntPredicate drop) {
        evict(layer * pool.layout().numKvHeads() + kvHead, drop);
    }

    private void evict(int head, IntPredicate drop) {
        heads[head].evict(drop, pool, ordinal -> slotLog.forget(head, ordinal));
    }

    /** Packs heads that evictions left sparse, and gives back pages that none can need now. */
    public void pack() {
        for (int i = 0; i < heads.length; i++) {
            if (heads[i].isSparse()) {
                rewrite(i);
            }
        }
        moves.carryOut();
        reserve(reservedPositions, reservedReplay);
    }

    private void rewrite(int head) {
        if (moves.pages() + heads[head].pages() > pool.sparePages()) {
            moves.carryOut();
        }
        heads[head].rewrite(pool, moves, ordinal -> slotLog.forget(head, ordinal));
        storedLength = -GROWN_POSITIONS;
    }

    /** Stops scoring: what is there stays until the next compaction. For the end of a turn. */
    public void freeze() {
        for (HeadCache head : heads) {
            head.setPolicy(head.rung(), CacheView.SCORE_NONE);
        }
    }

    /** First position whose slots carry scores. */
    private int firstScored() {
        return compactions.isEmpty() ? 0 : compactions.get(compactions.size() - 1).start();
    }

    /**
     * From here on kernels measure {@code turn}, until its compaction or {@link #endProfile}.
     *
     * @return false if there is no memory for what they measure, now
     */
    public boolean beginProfile(ProfiledTurn turn) {
        endProfile();
        long offset = pool.statistics().allocate((long) heads.length * turn.areaLongs());
        if (offset == TurnStatistics.NO_ROOM) {
            return false;
        }
        profileOffset = offset;
        profiledTurn = turn;
        return true;
    }

    /**
     * To be called before positions are computed: what was measured before a snapshot is gone on
     * with.
     *
     * @return false if there is no memory for it, now
     */
    public boolean resumeProfile() {
        ProfileCodec.Profile saved = savedProfile;
        if (saved == null) {
            return true;
        }
        if (!beginProfile(saved.turn())) {
            savedProfile = saved;
            return false;
        }
        for (int head = 0; head < heads.length; head++) {
            setStatistics(head, saved.statistics()[head]);
        }
        return true;
    }

    /** What is being measured; null if nothing is. */
    public ProfiledTurn profiledTurn() {
        return profiledTurn;
    }

    /** Offset of the first head's statistics in {@link Profile#statistics}, in longs. */
    public long profileOffset() {
        return profileOffset;
    }

    /** A head's statistics so far, laid out as {@link ProfiledTurn} says. */
    public long[] statistics(int layer, int kvHead) {
        return statistics(layer * pool.layout().numKvHeads() + kvHead);
    }

    private long[] statistics(int head) {
        int size = profiledTurn.areaLongs();
        return pool.statistics().read(profileOffset + (long) head * size, size);
    }

    void setStatistics(int head, long[] values) {
        pool.statistics().write(profileOffset + (long) head * values.length, values);
    }

    /**
     * Forgets what was measured of a turn other than {@code turn}.
     *
     * @param turn null for none
     */
    public void endProfileUnlessOf(ProfiledTurn turn) {
        ProfiledTurn measured = savedProfile == null ? profiledTurn : savedProfile.turn();
        if (measured != null && !measured.equals(turn)) {
            endProfile();
        }
    }

    /** Forgets what was measured. */
    public void endProfile() {
        savedProfile = null;
        if (profiledTurn != null) {
            pool.statistics().free(profileOffset);
            profiledTurn = null;
        }
    }

    /**
     * Begins a replay, or the next part of one: slots of earlier replayed rows are dropped, slots
     * appended from here on belong to the replay and are not stored.
     */
    public void beginReplay() {
        replayed = 0;
        for (HeadCache head : heads) {
            head.beginReplay(pool);
        }
    }

    /** Drops the slots of replayed rows. */
    public void endReplay() {
        replayed = 0;
        for (HeadCache head : heads) {
            head.endReplay(pool);
        }
    }

    private boolean isReplaying() {
        return heads[0].isReplaying();
    }

    /**
     * Stores new slots if there are many, so that little is left for a snapshot; returns how many
     * were stored.
     */
    public int storeGrown(SlotSink sink) {
        return length - storedLength < GROWN_POSITIONS ? 0 : storeSlots(sink);
    }

    private int storeSlots(SlotSink sink) {
        storedLength = length;
        return slotLog.write(sink);
    }

    /**
     * Stores new slots; returns the rest as bytes. Replayed rows and what they measured are left
     * out.
     */
    public SavedCache save(SlotSink sink) {
        storeSlots(sink);
        ProfileCodec.Profile profile = savedProfile == null ? profile() : savedProfile;
        boolean isProfiled = profile != null;
        return new SavedCache(
                header(isProfiled),
                new byte[0],
                scoresCodec.encode(firstScored(), heads),
                isProfiled ? ProfileCodec.encode(profile) : new byte[0]);
    }

    private byte[] header(boolean isProfiled) {
        IntList tables = pool.tables();
        for (HeadCache head : heads) {
            head.save(tables);
        }
        return SavedHeader.encode(
                pool.layout(), length, isProfiled, compactions, slotLog.ids(), tables);
    }

    /** Bytes of what is stored beside slots: page tables, rungs, scores. */
    public long tableBytes() {
        return header(false).length + scoresCodec.encode(firstScored(), heads).length;
    }

    /** What was measured so far; null if nothing was that belongs into storage. */
    private ProfileCodec.Profile profile() {
        if (profiledTurn == null || isReplaying()) {
            return null;
        }
        long[][] statistics = new long[heads.length][];
        Arrays.setAll(statistics, this::statistics);
        return new ProfileCodec.Profile(profiledTurn, statistics);
    }

    /** Gives all pages back to the pool. */
    @Override
    public void close() {
        endProfile();
        for (HeadCache head : heads) {
            head.free(pool);
        }
        pool.release(committedPages);
        committedPages = 0;
        length = 0;
        replayed = 0;
    }
}
