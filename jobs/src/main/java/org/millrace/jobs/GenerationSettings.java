// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.engine.kvcache.policy.RetentionPolicy;
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

    private static String retention(ReadableConfig config, ConfigOption<String> option) {
        try {
            return Retention.parse(config.get(option)).toString();
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("bad " + option.key() + ": " + e.getMessage(), e);
        }
    }

    /** Of a policy that can decide about a whole session at once. */
    private static String idleRetention(ReadableConfig config) {
        String retention = retention(config, MillraceOptions.IDLE_RETENTION);
        RetentionPolicy policy = RetentionPolicies.lookup(Retention.parse(retention));
        boolean isMeasured = policy.profile(0, 1 << 10, 1).isPresent();
        if (policy.keepsAll() || isMeasured && !policy.replaysPrompt()) {
            throw new IllegalArgumentException(
                    "bad "
                            + MillraceOptions.IDLE_RETENTION.key()
                            + ": policy="
                            + config.get(MillraceOptions.IDLE_RETENTION)
                            + ", must drop something and measure nothing in prompts, such as kvzip,"
                            + " streaming, window");
        }
        return retention;
    }

    /**
     * Tokens per tenant.
     *
     * @throws IllegalArgumentException if one is no number of at least 0
     */
    static Map<String, Long> tenantBudgets(ReadableConfig config) {
        Map<String, Long> budgets = new TreeMap<>();
        config.get(MillraceOptions.TENANT_BUDGETS)
                .forEach((tenant, tokens) -> budgets.put(tenant, tokens(tenant, tokens)));
        return budgets;
    }

    private static long tokens(String tenant, String tokens) {
        if (!tokens.matches("\\d{1,18}")) {
            throw new IllegalArgumentException(
                    "bad "
                            + MillraceOptions.TENANT_BUDGETS.key()
                            + ": tenant="
                            + tenant
                            + ", tokens="
                            + tokens
                            + ", must be 0 to 999999999999999999");
        }
        return Long.parseLong(tokens);
    }

    /**
     * How long a tenant's budget lasts, in milliseconds.
     *
     * @throws IllegalArgumentException if it is none
     */
    static long tenantBudgetPeriodMillis(ReadableConfig config) {
        long millis = config.get(MillraceOptions.TENANT_BUDGET_PERIOD).toMillis();
        if (millis < 1) {
            throw new IllegalArgumentException(
                    "bad "
                            + MillraceOptions.TENANT_BUDGET_PERIOD.key()
                            + ": millis="
                            + millis
                            + ", must be at least 1");
        }
        return millis;
    }

    /**
     * The operator's options.
     *
     * @param logAppendTime whether the prompts topic's timestamps are the broker's
     * @throws IllegalArgumentException if there is no model
     */
    public static GenerationOptions of(ReadableConfig config, boolean logAppendTime) {
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
                retention(config, MillraceOptions.RETENTION),
                config.get(MillraceOptions.MAX_BATCH_TOKENS),
                config.get(MillraceOptions.MAX_SEQUENCES),
                config.get(MillraceOptions.MAX_QUEUED_REQUESTS),
                config.get(MillraceOptions.REMEMBERED_REQUESTS),
                config.get(MillraceOptions.SESSION_TTL).toMillis(),
                config.get(MillraceOptions.IDLE_COMPACTION).toMillis(),
                idleRetention(config),
                logAppendTime,
                config.get(MillraceOptions.ALLOW_MODEL_CHANGE),
                config.get(MillraceOptions.JOURNAL));
    }
}
