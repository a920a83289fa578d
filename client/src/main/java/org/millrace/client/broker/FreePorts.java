// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.broker;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Ports of the loopback address for servers that start later, and again.
 *
 * <p>A port that the operating system picks is one that it also gives to outgoing connections:
 * until the server starts, any client may have it as its own. These lie below that range, which
 * starts at 32768 on Linux and at 49152 elsewhere (RFC 6335).
 */
public final class FreePorts {
    private static final int FIRST = 20_000;
    private static final int END = 32_768;
    private static final int MAX_ATTEMPTS = 1_000;

    private FreePorts() {}

    /**
     * Ports that nobody listened on a moment ago, all different.
     *
     * @throws IOException if too many of them are taken
     */
    public static List<Integer> find(int count) throws IOException {
        List<ServerSocket> sockets = new ArrayList<>();
        try {
            IOException taken = null;
            for (int i = 0; i < MAX_ATTEMPTS && sockets.size() < count; i++) {
                try {
                    sockets.add(listen(ThreadLocalRandom.current().nextInt(FIRST, END)));
                } catch (IOException e) {
                    taken = e;
                }
            }
            if (sockets.size() < count) {
                throw new IOException(
                        "fewer than " + count + " free ports from " + FIRST + " to " + (END - 1),
                        taken);
            }
            return sockets.stream().map(ServerSocket::getLocalPort).toList();
        } finally {
            for (ServerSocket socket : sockets) {
                socket.close();
            }
        }
    }

    /** Whether a server could listen on a port now. */
    static boolean isFree(int port) {
        try (ServerSocket socket = listen(port)) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    private static ServerSocket listen(int port) throws IOException {
        return new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
    }
}
