// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.ReadableConfig;

/** What tenants may ask for, from a job's configuration. */
final class TenantSettings {
    private TenantSettings() {}

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
}
