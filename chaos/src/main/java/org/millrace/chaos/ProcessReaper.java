// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Kills the processes that are left when this JVM ends, also by SIGTERM or an error. */
final class ProcessReaper {
    private static final Set<Process> ALIVE = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime()
                .addShutdownHook(new Thread(() -> ALIVE.forEach(Process::destroyForcibly)));
    }

    private ProcessReaper() {}

    static void watch(Process process) {
        ALIVE.add(process);
        process.onExit().thenAccept(ALIVE::remove);
    }
}
