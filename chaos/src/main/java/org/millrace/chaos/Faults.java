// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** Does the damage and puts it right again. Not thread safe. */
final class Faults {
    private final ProcessGroup processes;
    private final SmallDisk disk;
    private final FlinkRest rest;
    private final Random random;

    /**
     * @param disk of the checkpoints, or null if it cannot be filled
     */
    Faults(ProcessGroup processes, SmallDisk disk, FlinkRest rest, Random random) {
        this.processes = processes;
        this.disk = disk;
        this.rest = rest;
        this.random = random;
    }

    /** The kinds that can be had on this machine. */
    static Set<FaultKind> kinds(SmallDisk disk) {
        return disk == null
                ? EnumSet.complementOf(EnumSet.of(FaultKind.DISK_FULL))
                : EnumSet.allOf(FaultKind.class);
    }

    /** The processes that a fault is going to kill. */
    List<JavaProcess> victims(FaultKind kind, ClusterJob job) throws InterruptedException {
        return switch (kind) {
            case TASKMANAGER -> List.of(busyTaskManager(job));
            case JOBMANAGER -> List.of(processes.jobManager());
            case ALL_FLINK -> processes.flink();
            case BROKER -> List.of(processes.broker());
            case DISK_FULL -> List.of();
        };
    }

    private JavaProcess busyTaskManager(ClusterJob job) throws InterruptedException {
        List<JavaProcess> busy = new ArrayList<>();
        for (JsonNode vertex : rest.get(job.path()).path("vertices")) {
            if (ClusterJob.generates(vertex)) {
                String path = job.path() + "/vertices/" + vertex.path("id").asText();
                for (JsonNode subtask : rest.get(path).path("subtasks")) {
                    String id = subtask.path("taskmanager-id").asText();
                    processes.taskManagers().stream()
                            .filter(process -> process.name().equals(id))
                            .forEach(busy::add);
                }
            }
        }
        List<JavaProcess> candidates = busy.isEmpty() ? processes.taskManagers() : busy;
        return candidates.get(random.nextInt(candidates.size()));
    }

    /** Kills them, or fills the disk; returns when it is done. */
    void strike(FaultKind kind, List<JavaProcess> victims)
            throws IOException, InterruptedException {
        hold(kind);
        victims.forEach(JavaProcess::kill);
        victims.forEach(JavaProcess::awaitEnd);
    }

    /** Keeps it as it is; to be called again and again while the fault lasts. */
    void hold(FaultKind kind) throws IOException, InterruptedException {
        if (kind == FaultKind.DISK_FULL) {
            disk.fill();
        }
    }

    /** How long the fault lasts. */
    long durationMillis(FaultKind kind) {
        return switch (kind) {
            case TASKMANAGER, JOBMANAGER, ALL_FLINK -> random.nextInt(500);
            case BROKER -> 500 + random.nextInt(1500);
            case DISK_FULL -> 3000 + random.nextInt(2000);
        };
    }

    /** Starts the processes again, or makes room on the disk. */
    void heal(FaultKind kind, List<JavaProcess> victims) throws IOException, InterruptedException {
        if (kind == FaultKind.DISK_FULL) {
            disk.free();
        }
        for (JavaProcess process : victims) {
            process.start();
        }
    }
}
