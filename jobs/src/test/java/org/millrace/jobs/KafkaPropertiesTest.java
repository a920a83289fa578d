// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KafkaPropertiesTest {
    @Test
    void aFileIsPassedThroughAndTheOptionWins(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("kafka.properties");
        Files.writeString(file, "bootstrap.servers=a:1\nsecurity.protocol=SASL_SSL\n");
        Configuration config = new Configuration();
        config.set(MillraceOptions.KAFKA_PROPERTIES, file.toString());
        assertThat(KafkaProperties.load(config)).containsEntry("bootstrap.servers", "a:1");
        config.set(MillraceOptions.BOOTSTRAP_SERVERS, "b:2");
        assertThat(KafkaProperties.load(config))
                .containsEntry("bootstrap.servers", "b:2")
                .containsEntry("security.protocol", "SASL_SSL");
    }

    @Test
    void withoutBrokersTheOptionIsNamed() {
        assertThatThrownBy(() -> KafkaProperties.load(new Configuration()))
                .hasMessageContaining("--bootstrap-servers");
    }

    @Test
    void secretsAreHidden() {
        Properties properties = new Properties();
        for (String secret :
                new String[] {
                    "ssl.key.password",
                    "sasl.jaas.config",
                    "ssl.keystore.key",
                    "basic.auth.credentials",
                    "schema.registry.basic.auth.user.info"
                }) {
            properties.setProperty(secret, "hush");
        }
        properties.setProperty("security.protocol", "SASL_SSL");
        assertThat(KafkaProperties.masked(properties).toString())
                .doesNotContain("hush")
                .contains("security.protocol=SASL_SSL");
    }
}
