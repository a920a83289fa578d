// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

/** Where a cache's slots go, in entries. */
public interface SlotSink {
    /** Takes an entry; the array is the receiver's from here on. */
    void write(long id, byte[] entry);

    /** Forgets an entry that was written: its slots were evicted or written elsewhere. */
    void delete(long id);
}
