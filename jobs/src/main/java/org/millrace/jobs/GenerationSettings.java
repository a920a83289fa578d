package org.millrace.jobs;

import org.apache.flink.configuration.ReadableConfig;
import org.millrace.engine.ModelOptions;
import org.millrace.operators.GenerationOptions;

/** From a job's configuration to the options of its operator. */
public final class GenerationSettings {
    private GenerationSettings() {}

    /** How the model is run. */
    public static ModelOptions modelOptions(ReadableConfig config) {
        return new ModelOptions(
                config.get(MillraceOptions.KV_TYPE),
                config.get(MillraceOptions.ACTIVATIONS),
                config.get(MillraceOptions.KERNELS),
                config.get(MillraceOptions.THREADS));
    }

    /**
     * The operator's options.
     *
     * @param logAppendTime whether the prompts topic's timestamps are the broker's
     * @throws IllegalArgumentException if there is no model
     */
    static GenerationOptions of(ReadableConfig config, boolean logAppendTime) {
        String model = config.get(MillraceOptions.MODEL);
        if (model == null) {
            throw new IllegalArgumentException(
                    "no model: set "
                            + MillraceOptions.MODEL.key()
                            + " to a GGUF file or a Hugging Face directory");
        }
        return new GenerationOptions(
                model,
                modelOptions(config),
                config.get(MillraceOptions.MAX_BATCH_TOKENS),
                config.get(MillraceOptions.MAX_SEQUENCES),
                config.get(MillraceOptions.MAX_QUEUED_REQUESTS),
                config.get(MillraceOptions.REMEMBERED_REQUESTS),
                config.get(MillraceOptions.SESSION_TTL).toMillis(),
                logAppendTime,
                config.get(MillraceOptions.ALLOW_MODEL_CHANGE),
                config.get(MillraceOptions.JOURNAL));
    }
}
