// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.KernelProviders;

/**
 * Stored caches that were damaged, with and without a checksum that fits: they are restored or
 * refused by one of two names, and leave no page behind.
 */
@Timeout(60)
class DamagedCacheTest {
    private static final int ROUNDS = 10_000;
    private static final int POOL_PAGES = 64;
    private static final int[] INTERESTING = {
        -1, 0, 1, 2, 31, 32, 33, 255, 65_536, Integer.MAX_VALUE, Integer.MIN_VALUE, 0x7FFFFFE0
    };

    private final Random random = new Random(5);
    private final KernelProvider kernels = KernelProviders.lookup("reference", 1);
    private final CacheLayout layout =
            new CacheLayout(new KvPageDescriptor(KvType.F16, 4), 2, 2, "ab".repeat(32));
    private final PagePool pool = new PagePool(kernels, layout, POOL_PAGES);

    @AfterEach
    void close() {
        pool.close();
        kernels.close();
    }

    /** A cache as state holds it. */
    private record Stored(SavedCache cache, Map<Long, byte[]> slots) {
        /** All parts: header, tails, then entries in the order of their ids. */
        private List<byte[]> parts() {
            List<byte[]> parts = new ArrayList<>(List.of(cache.header(), cache.tails()));
            parts.addAll(slots.values());
            return parts;
        }

        private Stored with(int part, byte[] bytes) {
            if (part == 0) {
                return new Stored(
                        new SavedCache(bytes, cache.tails(), cache.scores(), cache.profile()),
                        slots);
            }
            if (part == 1) {
                return new Stored(
                        new SavedCache(cache.header(), bytes, cache.scores(), cache.profile()),
                        slots);
            }
            Map<Long, byte[]> changed = new TreeMap<>(slots);
            changed.put(List.copyOf(slots.keySet()).get(part - 2), bytes);
            return new Stored(cache, changed);
        }
    }

    private Stored store(int... appended) {
        StoredSlots slots = new StoredSlots();
        try (SessionCache cache = new SessionCache(pool)) {
            cache.reserve(50, 0);
            SavedCache saved = null;
            for (int count : appended) {
                append(cache, count);
                saved = cache.save(slots);
            }
            return new Stored(saved, slots.entries());
        }
    }

    /** Appends positions and writes them into their slots, as kernels do. */
    private void append(SessionCache cache, int count) {
        int first = cache.nextPosition();
        cache.append(count);
        for (int head = 0; head < layout.numHeads(); head++) {
            IntBuffer entries = IntBuffer.allocate(2 * cache.pages(head / 2, head % 2));
            cache.writeEntries(head / 2, head % 2, entries);
            for (int position = first; position < first + count; position++) {
                long page = entries.get(position / KvPageDescriptor.PAGE_SLOTS * 2);
                int slot = position % KvPageDescriptor.PAGE_SLOTS;
                pool.storage()
                        .write(
                                page * layout.page().pageBytes()
                                        + layout.page().positionOffset(slot),
                                ByteBuffer.allocate(Integer.BYTES)
                                        .order(ByteOrder.LITTLE_ENDIAN)
                                        .putInt(0, position));
            }
        }
    }

    private static boolean isRestored(PagePool pool, Stored stored) {
        try {
            if (SavedCache.pagesFor(stored.cache().header(), pool.layout(), 0)
                    > pool.uncommittedPages()) {
                return false;
            }
        } catch (CorruptCacheException | IncompatibleCacheException e) {
            // As if nobody had asked.
        }
        try (SessionCache cache = SessionCache.restore(pool, stored.cache(), stored.slots()::get)) {
            return cache.length() >= 0;
        } catch (CorruptCacheException | IncompatibleCacheException e) {
            assertThat(e).hasMessageMatching(".+");
            return false;
        }
    }

    private byte[] damaged(byte[] bytes, boolean fixChecksum) {
        byte[] damaged = bytes.clone();
        ByteBuffer buffer = ByteBuffer.wrap(damaged).order(ByteOrder.LITTLE_ENDIAN);
        int ints = damaged.length / Integer.BYTES;
        switch (random.nextInt(4)) {
            case 0 -> damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
            case 1 ->
                    buffer.putInt(
                            Integer.BYTES * random.nextInt(ints),
                            INTERESTING[random.nextInt(INTERESTING.length)]);
            case 2 -> damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length));
            default -> damaged = Arrays.copyOf(damaged, damaged.length + 1 + random.nextInt(9));
        }
        if (fixChecksum && damaged.length > Integer.BYTES) {
            CRC32C crc = new CRC32C();
            crc.update(damaged, 0, damaged.length - Integer.BYTES);
            ByteBuffer.wrap(damaged)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(damaged.length - Integer.BYTES, (int) crc.getValue());
        }
        return damaged;
    }

    @Test
    void damageIsRefusedByName() {
        damage(pool, store(40, 5));
        damage(pool, store(45));
    }

    @Test
    void damageOfAnOlderFormatIsRefusedByName() throws Exception {
        Map<String, byte[]> parts = SessionCacheTest.stored("/kvcache/version-2.txt");
        SavedCache saved = SessionCacheTest.saved(parts);
        Map<Long, byte[]> entries = new TreeMap<>();
        for (long id : SavedCache.ids(saved.header(), saved.tails())) {
            entries.put(id, parts.get(Long.toString(id)));
        }
        CacheLayout older =
                new CacheLayout(
                        SessionCacheTest.PAGE,
                        1,
                        2,
                        SavedHeader.read(saved.header()).fingerprint());
        try (PagePool olderPool = new PagePool(kernels, older, POOL_PAGES)) {
            damage(olderPool, new Stored(saved, entries));
        }
    }

    private void damage(PagePool pool, Stored stored) {
        assertThat(isRestored(pool, stored)).isTrue();
        int refused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            int part = random.nextInt(stored.parts().size());
            byte[] intact = stored.parts().get(part);
            if (intact.length == 0) {
                continue;
            }
            boolean fixChecksum = random.nextBoolean();
            byte[] bytes = damaged(intact, fixChecksum);
            boolean isSame = Arrays.equals(bytes, intact);
            boolean isRestored = isRestored(pool, stored.with(part, bytes));
            assertThat(isRestored && !isSame && !fixChecksum).as("round " + round).isFalse();
            refused += isRestored ? 0 : 1;
            assertThat(pool.usedPages()).isZero();
            assertThat(pool.uncommittedPages()).isEqualTo(POOL_PAGES);
        }
        assertThat(refused).isGreaterThan(ROUNDS / 3);
    }

    @Test
    void damagedHeadersDoNotKeepSlotsFromBeingDeleted() {
        byte[] header = store(40, 5).cache().header();
        for (int round = 0; round < ROUNDS; round++) {
            try {
                assertThat(SavedCache.ids(damaged(header, true), new byte[0])).isNotNull();
            } catch (CorruptCacheException | IncompatibleCacheException e) {
                assertThat(e).hasMessageMatching(".+");
            }
        }
    }
}
