// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.util.Locale;

/** What is done to the processes. */
enum FaultKind {
    /** SIGKILL of a TaskManager that runs a part of the job. */
    TASKMANAGER(true),
    /** SIGKILL of the JobManager. */
    JOBMANAGER(true),
    /** SIGKILL of JobManager, TaskManagers and ZooKeeper. */
    ALL_FLINK(true),
    /** SIGKILL of the broker. */
    BROKER(false),
    /** The disk of the checkpoint directory is full for a while. */
    DISK_FULL(false);

    private final boolean restartsJob;

    FaultKind(boolean restartsJob) {
        this.restartsJob = restartsJob;
    }

    /** Whether the job always comes back from a checkpoint after it. */
    boolean restartsJob() {
        return restartsJob;
    }

    /** As the report names it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
