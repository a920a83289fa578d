// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

/** Receives what changed in page tables. */
@FunctionalInterface
public interface EntrySink {
    /**
     * @param entry number of the entry in the kernels' memory
     */
    void change(int entry, int page, int liveMask);
}
