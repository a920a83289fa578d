package org.millrace.engine.kvcache;

/** Where encoded pages go. */
public interface PageSink {
    /** Takes a page; the array is the receiver's from here on. Ids are never used twice. */
    void write(long pageId, byte[] page);

    /** Forgets a page that was written: its positions were evicted or written elsewhere. */
    void delete(long pageId);
}
