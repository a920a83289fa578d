// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.configuration.ReadableConfig;

/** What Flink's web UI shows of a job's configuration: Millrace's options, and Kafka's clients'. */
final class ShownOptions extends ExecutionConfig.GlobalJobParameters {
    private static final long serialVersionUID = 1L;

    private final TreeMap<String, String> options = new TreeMap<>();

    private ShownOptions() {}

    /** Those that are set, without secrets. */
    static ShownOptions of(ReadableConfig config, Properties kafka) {
        ShownOptions shown = new ShownOptions();
        config.toMap()
                .forEach(
                        (key, value) -> {
                            if (key.startsWith("millrace.")) {
                                shown.options.put(key, value);
                            }
                        });
        KafkaProperties.masked(kafka)
                .forEach((name, value) -> shown.options.put("kafka." + name, value));
        return shown;
    }

    @Override
    public Map<String, String> toMap() {
        return Map.copyOf(options);
    }
}
