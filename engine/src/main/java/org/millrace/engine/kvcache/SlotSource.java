// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

/** Where stored entries are read from, by id. */
@FunctionalInterface
public interface SlotSource {
    /** The entry, which must not be changed, or null if there is none. */
    byte[] read(long id);
}
