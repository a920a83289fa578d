package org.millrace.engine.kvcache;

/** Where stored pages are read from, by id. */
@FunctionalInterface
public interface PageSource {
    /** The encoded page, or null if there is none. */
    byte[] read(long pageId);
}
