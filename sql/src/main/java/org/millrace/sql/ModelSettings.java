// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.Map;
import java.util.Optional;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.KernelProviders;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * A model's options, checked.
 *
 * @param engine what its engine is opened with
 * @param chat whether prompts are messages for the chat template
 * @param systemPrompt of rows that have none of their own
 * @param params of every row
 * @param retention of every row
 */
record ModelSettings(
        EngineOptions engine,
        boolean chat,
        Optional<String> systemPrompt,
        GenerationParams params,
        Retention retention) {

    /**
     * The settings that {@code WITH} gives.
     *
     * @throws IllegalArgumentException naming the option, its value and its limit
     */
    static ModelSettings of(Map<String, String> options, OutputColumns output) {
        ReadableConfig config = Configuration.fromMap(options);
        boolean chat = config.get(MillraceModelOptions.CHAT);
        Optional<String> systemPrompt = config.getOptional(MillraceModelOptions.SYSTEM_PROMPT);
        if (!chat && systemPrompt.isPresent()) {
            throw new IllegalArgumentException(
                    "system-prompt is a message of a chat: chat=false, must be true");
        }
        return new ModelSettings(
                engine(config),
                chat,
                systemPrompt,
                params(config, output),
                Retention.parse(config.get(MillraceModelOptions.RETENTION)));
    }

    private static EngineOptions engine(ReadableConfig config) {
        String kernels = config.get(MillraceModelOptions.KERNELS);
        if (!KernelProviders.isKnown(kernels)) {
            throw new IllegalArgumentException(
                    "bad kernels: kernels="
                            + kernels
                            + ", must be auto, cuda, cuda:N, cpu, cpu-avx2, cpu-avx512 or"
                            + " reference");
        }
        int maxSequences = atLeast(1, MillraceModelOptions.MAX_SEQUENCES, config);
        return new EngineOptions(
                model(config.get(MillraceModelOptions.MODEL)),
                new ModelOptions(
                        config.get(MillraceModelOptions.KV_TYPE),
                        ActivationType.INT8,
                        kernels,
                        atLeast(0, MillraceModelOptions.THREADS, config)),
                new GeneratorOptions(
                        config.get(MillraceModelOptions.POOL_MEMORY).getBytes(),
                        atLeast(maxSequences, MillraceModelOptions.MAX_BATCH_TOKENS, config),
                        maxSequences));
    }

    private static int atLeast(int least, ConfigOption<Integer> option, ReadableConfig config) {
        int value = config.get(option);
        if (value < least) {
            throw new IllegalArgumentException(
                    String.format(
                            "bad %s: %s=%d, must be >= %d",
                            option.key(), option.key(), value, least));
        }
        return value;
    }

    private static String model(String model) {
        if (model.isBlank()) {
            throw new IllegalArgumentException(
                    "bad model: model='" + model + "', must be a path or a URI");
        }
        return model;
    }

    private static GenerationParams params(ReadableConfig config, OutputColumns output) {
        return new GenerationParams(
                config.get(MillraceModelOptions.MAX_TOKENS),
                config.get(MillraceModelOptions.TEMPERATURE),
                config.get(MillraceModelOptions.TOP_K),
                config.get(MillraceModelOptions.TOP_P),
                config.get(MillraceModelOptions.MIN_P),
                config.get(MillraceModelOptions.REPETITION_PENALTY),
                config.get(MillraceModelOptions.SEED),
                config.get(MillraceModelOptions.STOP),
                false,
                output.hasLogprob());
    }
}
