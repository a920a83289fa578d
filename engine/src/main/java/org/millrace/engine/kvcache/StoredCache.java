// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.util.HashMap;
import java.util.Map;

/**
 * A cache kept in memory, from which any number of equal ones are made. Immutable; what is stored
 * of one session again and again shares its slots.
 */
public final class StoredCache {
    private final SavedCache saved;
    private final Map<Long, byte[]> slots;

    /**
     * Stores a cache as it is now.
     *
     * @param start what it was made from; null if nothing of it was stored before
     */
    public StoredCache(SessionCache cache, StoredCache start) {
        slots = start == null ? new HashMap<>() : new HashMap<>(start.slots);
        saved =
                cache.save(
                        new SlotSink() {
                            @Override
                            public void write(long id, byte[] entry) {
                                slots.put(id, entry);
                            }

                            @Override
                            public void delete(long id) {
                                slots.remove(id);
                            }
                        });
    }

    /** Another cache with the same contents, the caller's to close. */
    public SessionCache restore(PagePool pool) {
        return SessionCache.restore(pool, saved, slots::get);
    }

    /** Bytes of its slots and page tables, as they are stored. */
    public long bytes() {
        long bytes = slots.values().stream().mapToLong(entry -> entry.length).sum();
        return bytes + saved.header().length + saved.scores().length;
    }
}
