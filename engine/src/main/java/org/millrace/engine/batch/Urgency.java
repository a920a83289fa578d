// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.Comparator;

/**
 * How urgent a turn is beside others. It says who waits, never what is generated.
 *
 * @param priority higher goes first
 * @param acceptedMillis when the request was accepted, in milliseconds since the epoch
 */
public record Urgency(int priority, long acceptedMillis) {
    /** How much longer a turn must wait to make up for one level of priority. */
    public static final long AGEING_MILLIS = 10_000;

    /** Of turns among which only their order of arrival counts. */
    public static final Urgency NONE = new Urgency(0, 0);

    /** Who has waited longest comes first, with what waiting is worth beside priority. */
    public static final Comparator<Urgency> BY_AGE =
            Comparator.comparingLong(urgency -> urgency.rankMillis());

    private long rankMillis() {
        return acceptedMillis - priority * AGEING_MILLIS;
    }
}
