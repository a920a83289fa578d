// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.KernelProviders;

/** Slots hold values that their head and position determine, as the kernels' do. */
class SessionCacheTest {
    private static final int KV_HEADS = 2;
    private static final int HEADS = 2 * KV_HEADS;
    private static final String FINGERPRINT =
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    static final KvPageDescriptor PAGE = new KvPageDescriptor(KvType.INT8, 4);

    private final KernelProvider kernels = KernelProviders.lookup("reference", 1);
    private final PagePool pool =
            new PagePool(kernels, new CacheLayout(PAGE, 2, KV_HEADS, FINGERPRINT), 400);

    @AfterEach
    void close() {
        pool.close();
        kernels.close();
    }

    /** Appends positions and does what kernels do: fills their slots and sets their scores to 0. */
    private void fill(SessionCache cache, int count) {
        int first = cache.nextPosition();
        cache.append(count);
        for (int head = 0; head < HEADS; head++) {
            IntBuffer entries = entries(cache, head);
            int slot = cache.slots(head / KV_HEADS, head % KV_HEADS) - count;
            for (int i = 0; i < count; i++, slot++) {
                int page = entries.get(slot / 32 * 2);
                write(page, slot % 32, head, first + i);
                pool.scores().write(4L * (32L * page + slot % 32), ByteBuffer.allocate(4));
            }
        }
    }

    private static IntBuffer entries(SessionCache cache, int head) {
        IntBuffer entries = IntBuffer.allocate(2 * cache.pages(head / KV_HEADS, head % KV_HEADS));
        cache.writeEntries(head / KV_HEADS, head % KV_HEADS, entries);
        return entries;
    }

    private void write(int page, int slot, int head, int position) {
        long at = (long) page * PAGE.pageBytes();
        ByteBuffer raw = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
        pool.storage().write(at + PAGE.positionOffset(slot), raw.putInt(0, position));
        pool.storage()
                .write(at + PAGE.keyScaleOffset(slot), raw.clear().putFloat(0, position + 0.5f));
        pool.storage()
                .write(at + PAGE.valueScaleOffset(slot), raw.clear().putFloat(0, head + 0.5f));
        byte[] codes = {(byte) position, (byte) head, (byte) (position >> 8), 7};
        pool.storage().write(at + PAGE.keyOffset(slot, 0), ByteBuffer.wrap(codes));
        pool.storage().write(at + PAGE.valueOffset(slot, 0), ByteBuffer.wrap(codes));
    }

    /** The positions of a head by its page table, their contents checked. */
    private List<Integer> contents(SessionCache cache, int head) {
        IntBuffer entries = entries(cache, head);
        List<Integer> positions = new ArrayList<>();
        for (int index = 0; index < entries.capacity() / 2; index++) {
            ByteBuffer raw = ByteBuffer.allocate(PAGE.pageBytes()).order(ByteOrder.LITTLE_ENDIAN);
            pool.storage().read((long) entries.get(2 * index) * PAGE.pageBytes(), raw);
            for (int slot = 0; slot < 32; slot++) {
                if ((entries.get(2 * index + 1) >>> slot & 1) != 0) {
                    int position = raw.getInt(PAGE.positionOffset(slot));
                    assertThat(raw.getFloat(PAGE.keyScaleOffset(slot))).isEqualTo(position + 0.5f);
                    assertThat(raw.getFloat(PAGE.valueScaleOffset(slot))).isEqualTo(head + 0.5f);
                    assertThat(raw.get(PAGE.keyOffset(slot, 0))).isEqualTo((byte) position);
                    assertThat(raw.get(PAGE.valueOffset(slot, 1))).isEqualTo((byte) head);
                    positions.add(position);
                }
            }
        }
        return positions;
    }

    private static int[] positions(SessionCache cache, int head, int from) {
        return cache.positions(head / KV_HEADS, head % KV_HEADS, from);
    }

    /** Keeps a random share of what the heads hold of {@code [start, end)}. */
    private static List<RetainedHead> randomChoice(
            SessionCache cache, int start, int end, Random random) {
        List<RetainedHead> heads = new ArrayList<>();
        for (int head = 0; head < HEADS; head++) {
            BitSet kept = new BitSet();
            double share = random.nextDouble();
            for (int position : positions(cache, head, start)) {
                if (position < end && random.nextDouble() < share) {
                    kept.set(position - start);
                }
            }
            float[] scores = new float[end - start];
            for (int i = 0; i < scores.length; i++) {
                scores[i] = random.nextFloat();
            }
            heads.add(new RetainedHead(head, kept, random.nextInt(3), scores));
        }
        return heads;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
    void holdsWhatWasNotDroppedThroughAnyOperations(int seed) {
        Random random = new Random(seed);
        StoredSlots stored = new StoredSlots();
        SessionCache cache = new SessionCache(pool);
        List<List<Integer>> expected = new ArrayList<>();
        IntStream.range(0, HEADS).forEach(head -> expected.add(new ArrayList<>()));
        for (int step = 0; step < 60; step++) {
            int length = cache.length();
            switch (random.nextInt(8)) {
                case 0, 1 -> {
                    fill(cache, 1 + random.nextInt(50));
                    IntStream.range(length, cache.length())
                            .forEach(p -> expected.forEach(head -> head.add(p)));
                }
                case 2 -> {
                    int head = random.nextInt(HEADS);
                    int share = 1 + random.nextInt(4);
                    cache.evict(head / KV_HEADS, head % KV_HEADS, p -> p % share != 0);
                    expected.get(head).removeIf(p -> p % share != 0);
                    cache.pack();
                }
                case 3 -> {
                    int start = length == 0 ? 0 : random.nextInt(length);
                    List<RetainedHead> choice = randomChoice(cache, start, length, random);
                    cache.compact(start, length, "text", choice);
                    for (int head = 0; head < HEADS; head++) {
                        BitSet kept = choice.get(head).columns();
                        expected.get(head).removeIf(p -> p >= start && !kept.get(p - start));
                    }
                }
                case 4 -> {
                    List<Object> before = stored.contents(cache.save(stored));
                    cache.beginReplay();
                    fill(cache, 1 + random.nextInt(70));
                    assertThat(stored.contents(cache.save(stored))).isEqualTo(before);
                    cache.endReplay();
                    assertThat(stored.contents(cache.save(stored))).isEqualTo(before);
                }
                case 5 -> cache = saveAndRestore(cache, stored);
                case 6 -> cache.save(stored);
                default -> cache.storeGrown(stored);
            }
            for (int head = 0; head < HEADS; head++) {
                assertThat(contents(cache, head)).as("seed %d", seed).isEqualTo(expected.get(head));
                assertThat(positions(cache, head, 0))
                        .containsExactly(expected.get(head).toArray(Integer[]::new));
            }
        }
        cache.close();
        assertThat(pool.usedPages()).isZero();
        assertThat(pool.uncommittedPages()).isEqualTo(400);
    }

    private SessionCache saveAndRestore(SessionCache cache, StoredSlots stored) {
        SavedCache saved = cache.save(stored);
        assertThat(SavedCache.ids(saved.header(), saved.tails()))
                .containsExactly(stored.entries().keySet().toArray(Long[]::new));
        assertThat(stored.slots())
                .as("at least half of each entry is in pages that are there")
                .isLessThanOrEqualTo((int) (2 * 32 * cache.bytes() / PAGE.pageBytes()));
        List<Object> contents = stored.contents(saved);
        CacheSummary summary = cache.summary();
        List<float[]> scores = scores(cache);
        cache.close();
        int bytes = stored.bytesHash();
        SessionCache restored = SessionCache.restore(pool, saved, stored);
        assertThat(stored.bytesHash()).as("reading changes nothing").isEqualTo(bytes);
        assertThat(stored.contents(restored.save(stored))).isEqualTo(contents);
        assertThat(restored.summary()).isEqualTo(summary);
        assertThat(scores(restored)).usingRecursiveComparison().isEqualTo(scores);
        return restored;
    }

    @Test
    void aSlotIsWrittenOnce() {
        int slotBytes = 4 + 8 + 2 * 4;
        int frameBytes = 12 + 4;
        int runBytes = 12;
        SessionCache cache = new SessionCache(pool);
        StoredSlots stored = new StoredSlots();
        fill(cache, 20);
        cache.save(stored);
        fill(cache, 7);
        assertThat(cache.storeGrown(stored)).as("little is left to a snapshot").isZero();
        fill(cache, 10);
        assertThat(cache.storeGrown(stored)).isEqualTo(HEADS * 17);
        assertThat(stored.entries()).containsOnlyKeys(0L, 1L);
        assertThat(stored.read(0)).hasSize(frameBytes + HEADS * (runBytes + 20 * slotBytes));
        assertThat(stored.read(1)).hasSize(frameBytes + HEADS * (2 * runBytes + 17 * slotBytes));
        SavedCache saved = cache.save(stored);
        assertThat(SavedCache.ids(saved.header(), saved.tails())).containsExactly(0, 1);
        assertThat(stored.slots()).isEqualTo(HEADS * 37);
    }

    @Test
    void manySmallEntriesBecomeOne() {
        SessionCache cache = new SessionCache(pool);
        StoredSlots stored = new StoredSlots();
        fill(cache, 40);
        cache.save(stored);
        for (int i = 0; i < 16; i++) {
            fill(cache, 1);
            cache.save(stored);
        }
        assertThat(stored.entries()).hasSize(17);
        fill(cache, 1);
        cache.save(stored);
        assertThat(stored.entries()).containsOnlyKeys(0L, 17L);
        assertThat(stored.slots()).as("the page that both have").isEqualTo(HEADS * (40 + 25));
    }

    /** Of a shape so large that an entry has fewer than 4 slots of each head. */
    @Test
    void entriesThatWereCutAreNotSmall() {
        KvPageDescriptor wide = new KvPageDescriptor(KvType.F32, 128);
        CacheLayout layout = new CacheLayout(wide, 160, 2, FINGERPRINT);
        try (PagePool large = new PagePool(kernels, layout, 3 * layout.numHeads())) {
            SessionCache cache = new SessionCache(large);
            StoredSlots stored = new StoredSlots();
            cache.append(80);
            cache.save(stored);
            assertThat(stored.entries()).hasSizeGreaterThan(16);
            List<Long> ids = List.copyOf(stored.entries().keySet());
            cache.append(1);
            cache.save(stored);
            assertThat(stored.entries().keySet()).hasSize(ids.size() + 1).containsAll(ids);
        }
    }

    @Test
    void evictedSlotsLeaveStorage() {
        SessionCache cache = new SessionCache(pool);
        StoredSlots stored = new StoredSlots();
        fill(cache, 320);
        cache.save(stored);
        assertThat(stored.slots()).isEqualTo(HEADS * 320);
        for (int head = 0; head < HEADS; head++) {
            cache.evict(head / KV_HEADS, head % KV_HEADS, position -> position < 200);
        }
        cache.pack();
        cache.save(stored);
        assertThat(stored.slots()).isEqualTo(HEADS * 120);
    }

    @Test
    void slotsThatAreMissingOrDamagedAreNamed() {
        SessionCache cache = new SessionCache(pool);
        StoredSlots stored = new StoredSlots();
        fill(cache, 20);
        cache.save(stored);
        fill(cache, 3);
        SavedCache saved = cache.save(stored);
        byte[] first = stored.entries().remove(0L);
        assertThatThrownBy(() -> SessionCache.restore(pool, saved, stored))
                .isInstanceOf(CorruptCacheException.class)
                .hasMessageContaining("missing slots: id=0");
        first[20] ^= 1;
        stored.write(0, first);
        assertThatThrownBy(() -> SessionCache.restore(pool, saved, stored))
                .isInstanceOf(CorruptCacheException.class)
                .hasMessageContaining("checksum of slots");
    }

    /** Scores that count: of heads with a score mode, from the last compaction's start on. */
    private static List<float[]> scores(SessionCache cache) {
        List<Compaction> compactions = cache.compactions();
        int from = compactions.isEmpty() ? 0 : compactions.get(compactions.size() - 1).start();
        List<float[]> scores = new ArrayList<>();
        for (int head = 0; head < HEADS; head++) {
            boolean isScored =
                    cache.scoreMode(head / KV_HEADS, head % KV_HEADS) != CacheView.SCORE_NONE;
            scores.add(
                    isScored ? cache.scores(head / KV_HEADS, head % KV_HEADS, from) : new float[0]);
        }
        return scores;
    }

    @Test
    void aCompactedCacheEqualsOneThatNeverHeldMore() {
        SessionCache compacted = new SessionCache(pool);
        StoredSlots slots = new StoredSlots();
        fill(compacted, 300);
        BitSet firstOnly = new BitSet();
        firstOnly.set(0, 70);
        RetainedHead head = new RetainedHead(0, firstOnly, CacheView.SCORE_NONE, null);
        compacted.compact(0, 300, "first", Arrays.asList(head, head, head, head));

        SessionCache direct = new SessionCache(pool);
        StoredSlots directSlots = new StoredSlots();
        fill(direct, 70);
        assertThat(hashes(slots.contents(compacted.save(slots))))
                .isEqualTo(hashes(directSlots.contents(direct.save(directSlots))));
        assertThat(compacted.bytes()).isEqualTo(direct.bytes());
        assertThat(compacted.compactions())
                .containsExactly(new Compaction(0, 300, "first", 4 * 70, 4 * 230));
    }

    /** Hashes of slots, by head and position. */
    private static List<Object> hashes(List<Object> contents) {
        return List.copyOf(((Map<?, ?>) contents.get(0)).values());
    }

    @Test
    void evictionGivesPagesAndPromisesBack() {
        SessionCache cache = new SessionCache(pool);
        cache.reserve(320, 0);
        fill(cache, 320);
        assertThat(pool.usedPages()).isEqualTo(40);
        cache.evict(0, 0, position -> position < 64);
        assertThat(pool.usedPages()).isEqualTo(38);
        cache.evict(0, 1, position -> position % 4 != 0);
        cache.pack();
        assertThat(pool.usedPages()).isEqualTo(31);
        assertThat(pool.uncommittedPages()).isEqualTo(400 - 31);
        assertThat(cache.bytes()).isEqualTo(31L * PAGE.pageBytes());
        assertThat(cache.fullBytes()).isEqualTo(40L * PAGE.pageBytes());
    }

    @Test
    void statisticsOfAnUnfinishedPromptComeBack() {
        ProfiledTurn turn = new ProfiledTurn(3, 5, 3, 2, 3, 3, 1, List.of(1, 2));
        SessionCache stranger = new SessionCache(pool);
        stranger.beginProfile(turn);
        SessionCache cache = new SessionCache(pool);
        fill(cache, 6);
        cache.beginProfile(turn);
        long[] values = new Random(1).longs(turn.areaLongs()).toArray();
        cache.setStatistics(HEADS - 1, values);
        stranger.endProfile();
        StoredSlots stored = new StoredSlots();
        SavedCache saved = cache.save(stored);
        cache.close();

        SessionCache restored = SessionCache.restore(pool, saved, stored);
        assertThat(restored.profiledTurn()).isEqualTo(turn);
        assertThat(restored.statistics(1, 1)).isEqualTo(values);
        assertThat(restored.statistics(0, 0)).containsOnly(0);
        SavedCache withoutProfile =
                new SavedCache(saved.header(), saved.tails(), saved.scores(), new byte[0]);
        assertThatThrownBy(() -> SessionCache.restore(pool, withoutProfile, stored))
                .isInstanceOf(CorruptCacheException.class)
                .hasMessageContaining("profile");
    }

    /** A stored cache of an older version: header, tails, and entries by their ids. */
    static Map<String, byte[]> stored(String resource) throws Exception {
        Map<String, byte[]> parts = new HashMap<>();
        String text =
                new String(
                        SessionCacheTest.class.getResourceAsStream(resource).readAllBytes(),
                        StandardCharsets.US_ASCII);
        for (String line : text.split("\n")) {
            String[] words = line.split(" ");
            parts.put(words[0], Base64.getDecoder().decode(words[1]));
        }
        return parts;
    }

    static SavedCache saved(Map<String, byte[]> parts) {
        return new SavedCache(parts.get("header"), parts.get("tails"), new byte[0], new byte[0]);
    }

    /**
     * Full pages, and a running turn's tails, of which some were evicted before the second entry.
     */
    @Test
    void readsVersionTwo() throws Exception {
        Map<String, byte[]> parts = stored("/kvcache/version-2.txt");
        SavedCache saved = saved(parts);
        assertThat(SavedCache.isPaged(saved.header())).isTrue();
        assertThat(SavedCache.ids(saved.header(), saved.tails())).hasSize(parts.size() - 2);
        try (PagePool small = new PagePool(kernels, new CacheLayout(PAGE, 1, 2, FINGERPRINT), 8)) {
            SessionCache cache =
                    SessionCache.restore(small, saved, id -> parts.get(Long.toString(id)));
            List<Integer> all = IntStream.range(0, 71).boxed().toList();
            assertThat(cache.positions(0, 0, 0)).containsExactly(all.toArray(Integer[]::new));
            assertThat(cache.positions(0, 1, 0))
                    .containsExactly(
                            all.stream()
                                    .filter(p -> p >= 67 || p % 5 != 0)
                                    .toArray(Integer[]::new));
            StoredSlots slots = new StoredSlots();
            assertThat(SavedCache.isPaged(cache.save(slots).header())).isFalse();
            assertThat(slots.slots()).isEqualTo(71 + 71 - 14);
            cache.close();
            for (String id : List.of("-1", "1", "4294967297")) {
                Map<String, byte[]> damaged = new HashMap<>(parts);
                damaged.remove(id);
                assertThatThrownBy(
                                () ->
                                        SessionCache.restore(
                                                small, saved, i -> damaged.get(Long.toString(i))))
                        .isInstanceOf(CorruptCacheException.class)
                        .hasMessageContaining("missing");
            }
        }
    }

    @Test
    void readsVersionOne() throws Exception {
        Map<String, byte[]> parts = stored("/kvcache/version-1.txt");
        SavedCache saved = saved(parts);
        try (PagePool small = new PagePool(kernels, new CacheLayout(PAGE, 1, 2, FINGERPRINT), 8)) {
            SessionCache cache =
                    SessionCache.restore(small, saved, id -> parts.get(Long.toString(id)));
            assertThat(cache.length()).isEqualTo(35);
            for (int head = 0; head < 2; head++) {
                assertThat(cache.positions(0, head, 0)).isEqualTo(IntStream.range(0, 35).toArray());
                IntBuffer entries = IntBuffer.allocate(4);
                cache.writeEntries(0, head, entries);
                ByteBuffer raw =
                        ByteBuffer.allocate(PAGE.pageBytes()).order(ByteOrder.LITTLE_ENDIAN);
                small.storage().read((long) entries.get(2) * PAGE.pageBytes(), raw);
                assertThat(raw.get(PAGE.keyOffset(2, 3))).isEqualTo((byte) (2 * 4 + 3 + head));
                assertThat(raw.getFloat(PAGE.valueScaleOffset(2))).isEqualTo(2f / 3f);
            }
            assertThat(Arrays.stream(SavedCache.ids(saved.header(), saved.tails())))
                    .allMatch(id -> parts.containsKey(Long.toString(id)));
            StoredSlots stored = new StoredSlots();
            assertThat(SavedCache.isPaged(saved.header())).isTrue();
            assertThat(SavedCache.isPaged(cache.save(stored).header())).isFalse();
            assertThat(stored.slots()).isEqualTo(2 * 35);
        }
    }
}
