// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs.registry;

import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.millrace.schemas.ConfluentFormat;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.WireFormat;

/**
 * The format that records on topics have: Confluent's, if the properties of Kafka's clients name a
 * Schema Registry as Confluent's own clients want it, otherwise Avro's single-object encoding.
 */
public final class WireFormats {
    /** Address of the Schema Registry. */
    public static final String URL = "schema.registry.url";

    private static final String USER_INFO = "basic.auth.user.info";

    private WireFormats() {}

    /**
     * A format to read with.
     *
     * @throws IllegalArgumentException if the registry's address is none
     */
    public static WireFormat reading(Properties kafka) {
        SchemaRegistry registry = registry(kafka);
        return registry == null
                ? WireFormat.SINGLE_OBJECT
                : new ConfluentFormat(registry, Map.of());
    }

    /**
     * A format to read with, and to write these records with. Their schemas are registered here and
     * now; nobody who writes asks the registry again.
     *
     * @param topics where each record is written
     */
    public static WireFormat writing(Properties kafka, Map<RecordCodec<?>, String> topics)
            throws SchemaRegistryException {
        SchemaRegistry registry = registry(kafka);
        if (registry == null) {
            return WireFormat.SINGLE_OBJECT;
        }
        Map<String, Integer> ids = new HashMap<>();
        for (Map.Entry<RecordCodec<?>, String> topic : topics.entrySet()) {
            RecordCodec<?> codec = topic.getKey();
            ids.put(
                    codec.name(),
                    registry.register(topic.getValue() + "-value", codec.schemaText()));
        }
        return new ConfluentFormat(registry, ids);
    }

    private static SchemaRegistry registry(Properties kafka) {
        String url = kafka.getProperty(URL);
        return url == null
                ? null
                : new SchemaRegistry(
                        url,
                        kafka.getProperty(
                                USER_INFO, kafka.getProperty("schema.registry." + USER_INFO)));
    }
}
