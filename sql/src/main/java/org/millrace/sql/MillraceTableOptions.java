// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.Configuration;
import org.millrace.operators.GenerationOptions;

/**
 * What a table with {@code 'connector' = 'millrace'} takes besides the options of a turn, which are
 * {@link MillraceModelOptions}'.
 */
public final class MillraceTableOptions {
    public static final ConfigOption<String> UID =
            ConfigOptions.key("uid")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "By which a savepoint knows the sessions; one for each table in a job.");

    public static final ConfigOption<Duration> MAX_OUT_OF_ORDERNESS =
            ConfigOptions.key("max-out-of-orderness")
                    .durationType()
                    .noDefaultValue()
                    .withDescription(
                            "If it is set, prompts have a column event_time, and watermarks are this much behind its greatest value.");

    /** Options of the prompts table begin with it. */
    static final String PROMPTS_PREFIX = "prompts.";

    private static final String GENERATION_PREFIX = "millrace.";

    private static final Map<String, ConfigOption<?>> GENERATION =
            Stream.of(
                            GenerationOptions.MODEL,
                            GenerationOptions.KV_TYPE,
                            GenerationOptions.ACTIVATIONS,
                            GenerationOptions.KERNELS,
                            GenerationOptions.THREADS,
                            GenerationOptions.RETENTION,
                            GenerationOptions.IDLE_COMPACTION,
                            GenerationOptions.IDLE_RETENTION,
                            GenerationOptions.MAX_BATCH_TOKENS,
                            GenerationOptions.MAX_SEQUENCES,
                            GenerationOptions.MAX_STEP_TIME,
                            GenerationOptions.MAX_QUEUED_REQUESTS,
                            GenerationOptions.MAX_QUEUED_BYTES,
                            GenerationOptions.MAX_SESSION_REQUESTS,
                            GenerationOptions.MAX_SESSION_BYTES,
                            GenerationOptions.REMEMBERED_REQUESTS,
                            GenerationOptions.REMEMBERED_BYTES,
                            GenerationOptions.SESSION_TTL,
                            GenerationOptions.WATERMARKS,
                            GenerationOptions.ALLOWED_LATENESS,
                            GenerationOptions.ALLOW_MODEL_CHANGE)
                    .collect(
                            Collectors.toUnmodifiableMap(
                                    option -> option.key().substring(GENERATION_PREFIX.length()),
                                    option -> option));

    private MillraceTableOptions() {}

    /** {@link GenerationOptions} by the names that they have here. Their values are read later. */
    static Set<ConfigOption<?>> generationOptions() {
        return GENERATION.keySet().stream()
                .map(key -> ConfigOptions.key(key).stringType().noDefaultValue())
                .collect(Collectors.toUnmodifiableSet());
    }

    /** {@link GenerationOptions} that {@code WITH} sets. */
    static Configuration generation(Map<String, String> options) {
        Configuration config = new Configuration();
        options.forEach(
                (key, value) -> {
                    if (GENERATION.containsKey(key)) {
                        config.setString(GENERATION.get(key).key(), value);
                    }
                });
        return config;
    }

    /** Options of the prompts table, without their prefix. */
    static Map<String, String> prompts(Map<String, String> options) {
        return options.entrySet().stream()
                .filter(option -> option.getKey().startsWith(PROMPTS_PREFIX))
                .collect(
                        Collectors.toUnmodifiableMap(
                                option -> option.getKey().substring(PROMPTS_PREFIX.length()),
                                Map.Entry::getValue));
    }
}
