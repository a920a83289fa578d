// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.flink.configuration.ReadableConfig;
import org.millrace.jobs.registry.WireFormats;

/** Properties of all Kafka clients of a job: those of a file, the brokers, the Schema Registry. */
public final class KafkaProperties {
    private KafkaProperties() {}

    /**
     * What the options ask for.
     *
     * @throws IllegalArgumentException if no brokers are given, or the address of a Schema Registry
     *     is none
     */
    public static Properties load(ReadableConfig config) throws IOException {
        Properties properties = read(config.get(MillraceOptions.KAFKA_PROPERTIES));
        String servers = config.get(MillraceOptions.BOOTSTRAP_SERVERS);
        if (servers != null) {
            properties.setProperty("bootstrap.servers", servers);
        }
        if (!properties.containsKey("bootstrap.servers")) {
            throw new IllegalArgumentException(
                    "no Kafka brokers: give --bootstrap-servers HOST:PORT or "
                            + MillraceOptions.BOOTSTRAP_SERVERS.key());
        }
        String registry = config.get(MillraceOptions.SCHEMA_REGISTRY_URL);
        if (registry != null) {
            properties.setProperty(WireFormats.URL, registry);
        }
        WireFormats.reading(properties);
        return properties;
    }

    /** The brokers that the options or their file of properties name; null if none. */
    public static String bootstrapServers(ReadableConfig config) throws IOException {
        String servers = config.get(MillraceOptions.BOOTSTRAP_SERVERS);
        return servers != null
                ? servers
                : read(config.get(MillraceOptions.KAFKA_PROPERTIES))
                        .getProperty("bootstrap.servers");
    }

    private static Properties read(String file) throws IOException {
        Properties properties = new Properties();
        if (file != null) {
            try (Reader reader = Files.newBufferedReader(Path.of(file))) {
                properties.load(reader);
            } catch (NoSuchFileException e) {
                throw new IOException("no Kafka properties file at " + file, e);
            } catch (IOException | IllegalArgumentException e) {
                throw new IOException(
                        "cannot read the Kafka properties file " + file + ": " + e.getMessage(), e);
            }
        }
        return properties;
    }

    /** The properties for people to read: values of secrets are hidden, by their names. */
    static Map<String, String> masked(Properties properties) {
        Map<String, String> masked = new TreeMap<>();
        for (String name : properties.stringPropertyNames()) {
            masked.put(name, isSecret(name) ? "******" : properties.getProperty(name));
        }
        return masked;
    }

    private static boolean isSecret(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.contains("password")
                || lower.contains("passphrase")
                || lower.contains("secret")
                || lower.contains("token")
                || lower.contains("credential")
                || lower.endsWith("user.info")
                || lower.endsWith("jaas.config")
                || lower.endsWith(".key");
    }
}
