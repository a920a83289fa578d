// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.KernelProviders;

/**
 * Changes bring the kernels' copy of all page tables up to date, whatever happened to the caches.
 */
class PageTablesTest {
    private static final int HEADS = 4;
    private static final int KV_HEADS = 2;
    private static final int CACHES = 3;

    private final Random random = new Random(2);

    @Test
    void changesAreAllThatKernelsMiss() {
        KvPageDescriptor page = new KvPageDescriptor(KvType.INT8, 16);
        CacheLayout layout = new CacheLayout(page, HEADS / KV_HEADS, KV_HEADS, "00".repeat(32));
        try (KernelProvider kernels = KernelProviders.lookup("reference", 1);
                PagePool pool = new PagePool(kernels, layout, 600)) {
            PageTables tables = new PageTables(pool.pages(), CACHES * HEADS);
            int[] kernelEntries = new int[2 * tables.capacity()];
            List<SessionCache> caches = new ArrayList<>();
            for (int i = 0; i < CACHES; i++) {
                caches.add(new SessionCache(pool));
            }
            int sent = 0;
            int whole = 0;
            for (int step = 0; step < 4000; step++) {
                List<SessionCache> batch =
                        caches.stream().filter(cache -> random.nextInt(5) > 0).toList();
                batch.forEach(cache -> cache.append(random.nextInt(10) == 0 ? 40 : 1));
                tables.place(batch);
                for (SessionCache cache : batch) {
                    sent += sendChanges(cache, kernelEntries);
                    whole += check(cache, kernelEntries);
                }
                batch.forEach(this::disturb);
                for (int i = 0; i < CACHES; i++) {
                    if (caches.get(i).nextPosition() > 1200) {
                        caches.get(i).close();
                        caches.set(i, new SessionCache(pool));
                    }
                }
            }
            assertThat(sent).isLessThan(whole / 4);
        }
    }

    private static int sendChanges(SessionCache cache, int[] kernelEntries) {
        int[] count = new int[1];
        for (int head = 0; head < HEADS; head++) {
            cache.takeChanges(
                    head / KV_HEADS,
                    head % KV_HEADS,
                    (entry, page, liveMask) -> {
                        kernelEntries[2 * entry] = page;
                        kernelEntries[2 * entry + 1] = liveMask;
                        count[0]++;
                    });
        }
        return count[0];
    }

    /** Returns the number of entries. */
    private static int check(SessionCache cache, int[] kernelEntries) {
        int pages = 0;
        for (int head = 0; head < HEADS; head++) {
            int layer = head / KV_HEADS;
            int kvHead = head % KV_HEADS;
            IntBuffer expected = IntBuffer.allocate(2 * cache.pages(layer, kvHead));
            cache.writeEntries(layer, kvHead, expected);
            int first = 2 * cache.firstEntry(layer, kvHead);
            assertThat(Arrays.copyOfRange(kernelEntries, first, first + expected.capacity()))
                    .isEqualTo(expected.array());
            pages += cache.pages(layer, kvHead);
        }
        return pages;
    }

    /** Now and then evicts, packs, compacts, begins or ends a replay. */
    private void disturb(SessionCache cache) {
        switch (random.nextInt(120)) {
            case 0 -> evict(cache);
            case 1 -> {
                evict(cache);
                cache.pack();
            }
            case 2 -> compact(cache);
            case 3 -> cache.beginReplay();
            case 4 -> cache.endReplay();
            default -> {}
        }
    }

    private void evict(SessionCache cache) {
        cache.endReplay();
        for (int head = 0; head < HEADS; head++) {
            cache.evict(head / KV_HEADS, head % KV_HEADS, position -> random.nextInt(4) == 0);
        }
    }

    private void compact(SessionCache cache) {
        cache.endReplay();
        List<RetainedHead> heads = new ArrayList<>();
        for (int head = 0; head < HEADS; head++) {
            BitSet kept = new BitSet();
            for (int position : cache.positions(head / KV_HEADS, head % KV_HEADS, 0)) {
                kept.set(position, random.nextBoolean());
            }
            heads.add(new RetainedHead(0, kept, CacheView.SCORE_NONE, null));
        }
        cache.compact(0, cache.length(), "full", heads);
    }
}
