package org.millrace.jobs.chaos;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.millrace.jobs.EmbeddedBroker;

/** A broker as a process of its own, until it is killed. Arguments: directory, port. */
final class BrokerMain {
    /** A broker is let in again when the session of its last life is over, after 9 s by default. */
    private static final Map<String, String> QUICK_RETURN =
            Map.of("broker.session.timeout.ms", "3000", "broker.heartbeat.interval.ms", "500");

    private BrokerMain() {}

    public static void main(String[] args) throws InterruptedException {
        EmbeddedBroker.start(Path.of(args[0]), Integer.parseInt(args[1]), QUICK_RETURN);
        new CountDownLatch(1).await();
    }
}
