package org.millrace.engine;

import java.util.Arrays;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.millrace.engine.kvcache.PageSink;
import org.millrace.engine.kvcache.PageSource;

/** The pages of one cache in memory, as state would hold them. */
public final class StoredPages implements PageSink, PageSource {
    private final SortedMap<Long, byte[]> pages = new TreeMap<>();

    @Override
    public void write(long pageId, byte[] page) {
        if (pages.put(pageId, page) != null) {
            throw new AssertionError("page written twice: pageId=" + pageId);
        }
    }

    @Override
    public void delete(long pageId) {
        if (pages.remove(pageId) == null) {
            throw new AssertionError("no such page: pageId=" + pageId);
        }
    }

    @Override
    public byte[] read(long pageId) {
        return pages.get(pageId);
    }

    /** Pages by id; the receiver may change them. */
    public SortedMap<Long, byte[]> pages() {
        return pages;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof StoredPages && toString().equals(((StoredPages) other).toString());
    }

    @Override
    public int hashCode() {
        return toString().hashCode();
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (Map.Entry<Long, byte[]> page : pages.entrySet()) {
            text.append(Long.toHexString(page.getKey())).append(' ');
            text.append(Arrays.hashCode(page.getValue())).append(' ');
        }
        return text.toString();
    }
}
