// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import com.sun.tools.attach.VirtualMachine;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;

/**
 * Interrupts threads of another JVM, as an agent inside it. To a task that waits or calls anything
 * that does, this is a failure as any other.
 */
public final class ThreadInterrupter {
    private final Path jar;

    /** Writes the agent to {@code jar}. */
    ThreadInterrupter(Path jar) throws IOException {
        this.jar = jar;
        String file = getClass().getName().replace('.', '/') + ".class";
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().putValue("Agent-Class", getClass().getName());
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(out, manifest)) {
            entries.putNextEntry(new JarEntry(file));
            entries.write(getClass().getResourceAsStream("/" + file).readAllBytes());
        }
    }

    /** Interrupts all threads of process {@code pid} whose name matches. */
    void interrupt(long pid, String pattern) throws Exception {
        VirtualMachine machine = VirtualMachine.attach(Long.toString(pid));
        try {
            machine.loadAgent(jar.toString(), pattern);
        } finally {
            machine.detach();
        }
    }

    /** Runs in the other JVM. */
    public static void agentmain(String pattern) {
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().matches(pattern)) {
                thread.interrupt();
            }
        }
    }
}
