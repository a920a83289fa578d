package org.millrace.engine.kvcache;

import java.util.HashMap;
import java.util.Map;

/**
 * A cache kept in memory, from which any number of equal ones are made. Immutable; what is stored
 * of one session again and again shares its pages.
 */
public final class StoredCache {
    private final SavedCache saved;
    private final Map<Long, byte[]> pages;

    /**
     * Stores a cache as it is now.
     *
     * @param start what it was made from; null if none of its pages was stored before
     */
    public StoredCache(SessionCache cache, StoredCache start) {
        pages = start == null ? new HashMap<>() : new HashMap<>(start.pages);
        cache.writeFullPages(
                new PageSink() {
                    @Override
                    public void write(long pageId, byte[] page) {
                        pages.put(pageId, page);
                    }

                    @Override
                    public void delete(long pageId) {
                        pages.remove(pageId);
                    }
                });
        saved = cache.save();
    }

    /** Another cache with the same contents, the caller's to close. */
    public SessionCache restore(PagePool pool) {
        return SessionCache.restore(pool, saved, pages::get);
    }
}
