// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.io.Serializable;
import java.time.Duration;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.ReadableConfig;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.engine.kvcache.policy.RetentionPolicy;
import org.millrace.operators.GenerationOptions.Watermarks;

/**
 * {@link GenerationOptions} of one use, checked.
 *
 * @param model GGUF file or Hugging Face directory: a local path, or the URI of a file of any Flink
 *     file system
 * @param modelOptions how the model is run
 */
public record GenerationSettings(
        String model,
        ModelOptions modelOptions,
        Batch batch,
        Queue queue,
        Sessions sessions,
        EventTime eventTime)
        implements Serializable {
    /**
     * Limits of a step.
     *
     * @param maxTokens token budget of one step
     * @param maxSequences most sequences in one batch
     * @param maxStepMillis how long a step that brings tokens should take
     */
    public record Batch(int maxTokens, int maxSequences, int maxStepMillis)
            implements Serializable {}

    /**
     * Limits of what waits.
     *
     * @param maxRequests requests in one subtask; above it nothing is taken in
     * @param maxBytes the same in bytes
     * @param maxSessionRequests requests of one session; one more is refused
     * @param maxSessionBytes the same in bytes
     */
    public record Queue(
            int maxRequests, long maxBytes, int maxSessionRequests, long maxSessionBytes)
            implements Serializable {}

    /**
     * What is kept of sessions, and for how long.
     *
     * @param retention what caches keep of a turn whose request does not say, in text form
     * @param rememberedRequests most answers kept per session
     * @param rememberedBytes most bytes of them
     * @param ttlMillis age at which a session is forgotten; 0 for never
     * @param idleMillis age at which a session's whole cache is compressed; 0 for never
     * @param idleRetention what it is compressed by, in text form
     * @param allowModelChange whether sessions of other weights may go on with these
     */
    public record Sessions(
            String retention,
            int rememberedRequests,
            long rememberedBytes,
            long ttlMillis,
            long idleMillis,
            String idleRetention,
            boolean allowModelChange)
            implements Serializable {
        /** Whether prompts need timestamps. */
        public boolean age() {
            return ttlMillis > 0 || idleMillis > 0;
        }
    }

    /**
     * What watermarks do.
     *
     * @param allowedLatenessMillis by how much a held one may pass an unfinished turn
     */
    public record EventTime(Watermarks watermarks, long allowedLatenessMillis)
            implements Serializable {}

    /**
     * Reads and checks options.
     *
     * @throws IllegalArgumentException if one is missing or out of its range, naming it
     */
    public static GenerationSettings of(ReadableConfig config) {
        String model = config.get(GenerationOptions.MODEL);
        if (model == null) {
            throw new IllegalArgumentException(
                    "no model: set "
                            + GenerationOptions.MODEL.key()
                            + " to a GGUF file or a Hugging Face directory");
        }
        return new GenerationSettings(
                model,
                modelOptions(config),
                new Batch(
                        atLeast(config, GenerationOptions.MAX_BATCH_TOKENS, 1),
                        atLeast(config, GenerationOptions.MAX_SEQUENCES, 1),
                        millis(config, GenerationOptions.MAX_STEP_TIME)),
                new Queue(
                        atLeast(config, GenerationOptions.MAX_QUEUED_REQUESTS, 1),
                        bytes(config, GenerationOptions.MAX_QUEUED_BYTES),
                        atLeast(config, GenerationOptions.MAX_SESSION_REQUESTS, 1),
                        bytes(config, GenerationOptions.MAX_SESSION_BYTES)),
                new Sessions(
                        retention(config, GenerationOptions.RETENTION),
                        atLeast(config, GenerationOptions.REMEMBERED_REQUESTS, 0),
                        config.get(GenerationOptions.REMEMBERED_BYTES).getBytes(),
                        config.get(GenerationOptions.SESSION_TTL).toMillis(),
                        config.get(GenerationOptions.IDLE_COMPACTION).toMillis(),
                        idleRetention(config),
                        config.get(GenerationOptions.ALLOW_MODEL_CHANGE)),
                new EventTime(
                        config.get(GenerationOptions.WATERMARKS),
                        config.get(GenerationOptions.ALLOWED_LATENESS).toMillis()));
    }

    /** How the model is run. */
    public static ModelOptions modelOptions(ReadableConfig config) {
        return new ModelOptions(
                config.get(GenerationOptions.KV_TYPE),
                config.get(GenerationOptions.ACTIVATIONS),
                config.get(GenerationOptions.KERNELS),
                config.get(GenerationOptions.THREADS));
    }

    private static int atLeast(ReadableConfig config, ConfigOption<Integer> option, int least) {
        int value = config.get(option);
        if (value < least) {
            throw new IllegalArgumentException(
                    "bad " + option.key() + ": value=" + value + ", must be at least " + least);
        }
        return value;
    }

    private static int millis(ReadableConfig config, ConfigOption<Duration> option) {
        long millis = config.get(option).toMillis();
        if (millis < 1 || millis > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "bad "
                            + option.key()
                            + ": millis="
                            + millis
                            + ", must be 1 to "
                            + Integer.MAX_VALUE);
        }
        return (int) millis;
    }

    private static long bytes(ReadableConfig config, ConfigOption<MemorySize> option) {
        long bytes = config.get(option).getBytes();
        if (bytes < 1) {
            throw new IllegalArgumentException(
                    "bad " + option.key() + ": bytes=" + bytes + ", must be at least 1");
        }
        return bytes;
    }

    private static String retention(ReadableConfig config, ConfigOption<String> option) {
        try {
            return Retention.parse(config.get(option)).toString();
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("bad " + option.key() + ": " + e.getMessage(), e);
        }
    }

    /** Of a policy that can decide about a whole session at once. */
    private static String idleRetention(ReadableConfig config) {
        String retention = retention(config, GenerationOptions.IDLE_RETENTION);
        RetentionPolicy policy = RetentionPolicies.lookup(Retention.parse(retention));
        boolean isMeasured = policy.profile(0, 1 << 10, 1).isPresent();
        if (policy.keepsAll() || isMeasured && !policy.replaysPrompt()) {
            throw new IllegalArgumentException(
                    "bad "
                            + GenerationOptions.IDLE_RETENTION.key()
                            + ": policy="
                            + config.get(GenerationOptions.IDLE_RETENTION)
                            + ", must drop something and measure nothing in prompts, such as kvzip,"
                            + " streaming, window");
        }
        return retention;
    }
}
