package org.millrace.engine.kvcache;

import java.util.HashMap;
import java.util.Map;

/** A cache kept in memory, from which any number of equal ones are made. */
public final class StoredCache {
    private final SavedCache saved;
    private final Map<Long, byte[]> pages = new HashMap<>();

    /**
     * Stores a cache as it is now.
     *
     * @param cache none of whose pages was stored before
     */
    public StoredCache(SessionCache cache) {
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
