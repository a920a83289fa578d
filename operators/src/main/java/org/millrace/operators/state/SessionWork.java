// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.util.List;

/** A session's queue in state format 4: what waited, in order, without the prompts. */
record SessionWork(List<Entry> entries) {
    /** What was asked for. */
    enum Kind {
        TURN,
        END_SESSION,
        REST
    }

    /**
     * One request.
     *
     * @param acceptedMillis wall clock when the operator took it in, since the epoch
     */
    record Entry(long number, Kind kind, int priority, long acceptedMillis) {}

    SessionWork {
        entries = List.copyOf(entries);
    }
}
