// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.time.Instant;
import java.util.Set;
import org.millrace.schemas.DeadLetter;

/**
 * Which dead letters are meant. What is empty or null does not restrict.
 *
 * @param from earliest time of the dead letter, inclusive
 * @param to latest time of the dead letter, exclusive
 */
record DeadLetterFilter(Set<String> reasons, Set<String> sessions, Instant from, Instant to) {

    /**
     * @param timestampMillis when the dead letter was written
     */
    boolean matches(DeadLetter letter, long timestampMillis) {
        return (reasons.isEmpty() || reasons.contains(letter.getReason()))
                && (sessions.isEmpty() || sessions.contains(letter.getSessionId()))
                && (from == null || timestampMillis >= from.toEpochMilli())
                && (to == null || timestampMillis < to.toEpochMilli());
    }
}
