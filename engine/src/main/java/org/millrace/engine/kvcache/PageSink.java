package org.millrace.engine.kvcache;

/** Where encoded pages go. */
@FunctionalInterface
public interface PageSink {
    /** Takes a page; the array is the receiver's from here on. */
    void write(long pageId, byte[] page);
}
