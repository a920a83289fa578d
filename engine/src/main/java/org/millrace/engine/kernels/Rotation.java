// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

/**
 * How a layer rotates queries and keys by their positions (arXiv 2104.09864), half-split: dimension
 * i turns with i + dimensions / 2; dimensions behind them stay.
 *
 * @param queries float[positions][dimensions / 2][2]: cosine, sine
 * @param keys as {@code queries}; another table only where queries are scaled by position
 * @param dimensions of a head that are rotated; 0 for none, the tables are not read then
 */
public record Rotation(DeviceBuffer queries, DeviceBuffer keys, int dimensions) {
    /** Bytes of a table's first {@code positions} rows. */
    public long tableBytes(int positions) {
        return 4L * positions * dimensions;
    }

    /** For queries and keys that are rotated already. */
    public Rotation done() {
        return new Rotation(queries, keys, 0);
    }
}
