// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import java.util.Map;

/**
 * What a GPU's memory and time are used for, by all processes and by this provider.
 *
 * @param freeBytes memory that nobody holds
 * @param totalBytes memory of the device
 * @param nanos time in which this provider had work queued on the device, from its start, by kind
 */
public record DeviceUsage(long freeBytes, long totalBytes, Map<Work, Long> nanos) {
    /** Kinds of work. */
    public enum Work {
        /** Steps that compute more than one row of a sequence; rows of others among them. */
        PROMPTS,
        /** Steps with one row of each sequence. */
        DECODING,
        /** Drawing tokens, where it is more than the largest logit. */
        SAMPLING,
        /** Moving slots of compressed caches. */
        COMPACTION,
        /** What belongs to no generation. */
        OTHER
    }

    public DeviceUsage {
        nanos = Map.copyOf(nanos);
    }

    /** Time of all kinds. */
    public long busyNanos() {
        return nanos.values().stream().mapToLong(Long::longValue).sum();
    }
}
