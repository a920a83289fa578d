// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * How long the sessions that were live at a fault had to wait for their next token, as a client of
 * the topics sees it. Where the job restarts only tokens of the new operators count. A turn that is
 * answered without another token needs none. Not thread safe.
 */
final class Recovery {
    private final long faultNanos;
    private final int operatorsBefore;
    private final Set<String> waiting;
    private double firstSeconds = Double.NaN;
    private double lastSeconds = Double.NaN;

    /**
     * @param live turns at the fault
     * @param operatorsBefore operators in the journal that began before; -1 if none has to begin
     */
    Recovery(long faultNanos, Set<TurnId> live, int operatorsBefore) {
        this.faultNanos = faultNanos;
        this.operatorsBefore = operatorsBefore;
        this.waiting =
                live.stream().map(TurnId::session).collect(Collectors.toCollection(HashSet::new));
    }

    /**
     * Notes a new token or answer.
     *
     * @param operators operators in the journal that began until now
     */
    void progressed(TurnId turn, long nanos, int operators) {
        if (operators > operatorsBefore && waiting.remove(turn.session())) {
            lastSeconds = (nanos - faultNanos) / 1e9;
            if (Double.isNaN(firstSeconds)) {
                firstSeconds = lastSeconds;
            }
        }
    }

    /** Whether all sessions go on. */
    boolean isComplete() {
        return waiting.isEmpty();
    }

    int waiting() {
        return waiting.size();
    }

    /** Seconds until the first session went on; NaN if none has. */
    double firstSeconds() {
        return firstSeconds;
    }

    /** Seconds until the last session went on; NaN if one has not. */
    double lastSeconds() {
        return isComplete() ? lastSeconds : Double.NaN;
    }
}
