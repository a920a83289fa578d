// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

/**
 * How the masses of a KV head's query heads become one; the paper has one query head per KV head.
 */
enum HeadPooling {
    MEAN,
    MAX,
    /** Every query head must reach T. */
    MIN;

    /** Lanes of statistics that it needs, see {@link org.millrace.engine.kvcache.ProfiledTurn}. */
    int lanes(int group) {
        return this == MEAN ? 1 : group;
    }

    double pool(double[] masses) {
        double pooled = masses[0];
        for (double mass : masses) {
            pooled = this == MAX ? Math.max(pooled, mass) : Math.min(pooled, mass);
        }
        return pooled;
    }
}
