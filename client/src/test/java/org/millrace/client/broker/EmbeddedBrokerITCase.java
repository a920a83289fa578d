// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.broker;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedBrokerITCase {
    @Test
    void comesBackWithItsTopicsOnTheSamePort(@TempDir Path directory) throws Exception {
        String servers;
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0)) {
            servers = broker.bootstrapServers();
            try (Admin admin = admin(servers)) {
                admin.createTopics(List.of(new NewTopic("t", 3, (short) 1))).all().get();
            }
        }
        int port = Integer.parseInt(servers.substring(servers.indexOf(':') + 1));
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, port);
                Admin admin = admin(broker.bootstrapServers())) {
            assertThat(broker.bootstrapServers()).isEqualTo(servers);
            assertThat(admin.listTopics().names().get()).contains("t");
        }
    }

    private static Admin admin(String servers) {
        return Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, servers));
    }
}
