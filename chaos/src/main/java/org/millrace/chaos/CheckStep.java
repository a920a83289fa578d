// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.util.Locale;

/** What the cluster check does to a job with live generations; each step is a job of its own. */
enum CheckStep {
    /** SIGKILL of a TaskManager that runs a part of the job; the other one has room for it. */
    TASKMANAGER,
    /** SIGKILL of the JobManager, which is started again. */
    JOBMANAGER,
    /** From one subtask to two and back, by the JobManager's REST interface. */
    RESCALE,
    /** Stopped with a savepoint and started from it with one, two and three subtasks. */
    RESTART,
    /** Stopped with a savepoint, which is moved and started from. */
    MOVED,
    /**
     * The job of an earlier release is stopped, and that of this build started from its savepoint.
     */
    UPGRADE,
    /**
     * The job of an earlier release is started from this build's savepoint. It refuses, and this
     * build goes on from the same savepoint.
     */
    DOWNGRADE;

    /** Whether it takes the job jar of an earlier release. */
    boolean needsPreviousJar() {
        return this == UPGRADE || this == DOWNGRADE;
    }

    /** As the command line and the report name it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
