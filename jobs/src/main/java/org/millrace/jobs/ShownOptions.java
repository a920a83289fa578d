// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;

/** What Flink's web UI shows of a job's configuration: Millrace's options, and Kafka's clients'. */
final class ShownOptions {
    private ShownOptions() {}

    /** Those that are set, without secrets. */
    static Configuration of(ReadableConfig config, Properties kafka) {
        Map<String, String> shown = new TreeMap<>(config.toMap());
        shown.keySet().removeIf(key -> !key.startsWith("millrace."));
        KafkaProperties.masked(kafka).forEach((name, value) -> shown.put("kafka." + name, value));
        return Configuration.fromMap(shown);
    }
}
