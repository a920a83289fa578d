// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

/** Order of the rows of a head in query and key projections. */
public enum RotaryOrder {
    /** First elements of all rotary pairs, then second elements. */
    HALF_SPLIT,
    /** Pairs side by side. */
    INTERLEAVED
}
