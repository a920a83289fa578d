// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.millrace.client.broker.EmbeddedBroker;

/** A broker as a process of its own, until it is killed. Arguments: directory, port. */
final class BrokerMain {
    private BrokerMain() {}

    public static void main(String[] args) throws InterruptedException {
        EmbeddedBroker.start(Path.of(args[0]), Integer.parseInt(args[1]));
        new CountDownLatch(1).await();
    }
}
