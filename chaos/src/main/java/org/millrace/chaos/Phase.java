// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/** What the job is in the middle of when a fault falls. */
enum Phase {
    /** Some session is between two chunks of its prompt. */
    PREFILL(EnumSet.allOf(FaultKind.class)),
    /** A checkpoint has begun and is not complete. */
    CHECKPOINT(EnumSet.allOf(FaultKind.class)),
    /** A checkpoint is complete and the answers in it are not committed. */
    COMMIT(EnumSet.complementOf(EnumSet.of(FaultKind.DISK_FULL))),
    /** The job comes back from the fault before. */
    RESTORE(EnumSet.complementOf(EnumSet.of(FaultKind.DISK_FULL))),
    /** The job is being stopped with a savepoint. */
    STOP(EnumSet.complementOf(EnumSet.of(FaultKind.DISK_FULL))),
    /** Sessions generate, and nothing of the above was waited for. */
    DECODE(EnumSet.allOf(FaultKind.class));

    private final Set<FaultKind> kinds;

    Phase(Set<FaultKind> kinds) {
        this.kinds = kinds;
    }

    /** Whether that fault can fall in this phase. */
    boolean allows(FaultKind kind) {
        return kinds.contains(kind);
    }

    /** As the report names it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
