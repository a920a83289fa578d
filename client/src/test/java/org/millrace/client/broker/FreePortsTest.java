// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.broker;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FreePortsTest {
    @Test
    void areDifferentAndNotThoseOfOutgoingConnections() throws Exception {
        List<Integer> ports = FreePorts.find(50);
        assertThat(ports).hasSize(50).doesNotHaveDuplicates();
        assertThat(ports).allSatisfy(port -> assertThat(port).isBetween(20_000, 32_767));
    }

    @Test
    void canBeListenedOnAndAreNotGivenAgainMeanwhile() throws Exception {
        List<ServerSocket> listening = new ArrayList<>();
        try {
            List<Integer> taken = FreePorts.find(500);
            for (int port : taken) {
                listening.add(new ServerSocket(port, 1, InetAddress.getLoopbackAddress()));
            }
            assertThat(FreePorts.find(500)).doesNotContainAnyElementsOf(taken);
        } finally {
            for (ServerSocket socket : listening) {
                socket.close();
            }
        }
    }
}
