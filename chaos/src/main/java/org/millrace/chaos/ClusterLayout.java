// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.millrace.client.broker.FreePorts;

/**
 * Where the processes keep their files and listen. The same after each start, so that a process
 * finds again what it had.
 *
 * @param root everything but the checkpoints
 * @param checkpoints on a disk of its own where that can be had
 */
record ClusterLayout(Path root, Path checkpoints, int brokerPort, int zooKeeperPort, int restPort) {

    /** Makes the directories. */
    static ClusterLayout create(Path root, Path checkpoints) throws IOException {
        List<Integer> ports = FreePorts.find(3);
        ClusterLayout layout =
                new ClusterLayout(root, checkpoints, ports.get(0), ports.get(1), ports.get(2));
        for (Path directory :
                new Path[] {
                    layout.configuration(),
                    layout.zooKeeper(),
                    layout.savepoints(),
                    layout.jobResults(),
                    layout.temporary()
                }) {
            Files.createDirectories(directory);
        }
        return layout;
    }

    Path configuration() {
        return root.resolve("conf");
    }

    Path broker() {
        return root.resolve("broker");
    }

    Path zooKeeper() {
        return root.resolve("zookeeper");
    }

    Path highAvailability() {
        return root.resolve("ha");
    }

    Path savepoints() {
        return root.resolve("savepoints");
    }

    /** Jobs that have ended, whoever asks and whatever was killed since. */
    Path jobResults() {
        return root.resolve("job-results");
    }

    Path temporary() {
        return root.resolve("tmp");
    }

    Path journal() {
        return root.resolve("journal.jsonl");
    }

    String bootstrapServers() {
        return Ports.HOST + ":" + brokerPort;
    }
}
