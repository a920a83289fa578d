// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;

/** Ports on the loopback address. */
final class Ports {
    static final String HOST = "localhost";

    private Ports() {}

    /**
     * Waits until the process listens.
     *
     * @throws IOException if it ends before, or takes longer than {@code timeout}
     */
    static void awaitOpen(JavaProcess process, int port, Duration timeout)
            throws IOException, InterruptedException {
        long deadlineNanos = System.nanoTime() + timeout.toNanos();
        while (!isOpen(port)) {
            process.checkAlive();
            if (System.nanoTime() > deadlineNanos) {
                throw new IOException(
                        process.name()
                                + " does not listen on port="
                                + port
                                + " after "
                                + timeout.toSeconds()
                                + " s; see "
                                + process.log());
            }
            Thread.sleep(50);
        }
    }

    private static boolean isOpen(int port) {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(HOST, port), 200);
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
