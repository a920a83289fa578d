// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import org.apache.flink.util.OutputTag;

/** Side outputs. The main output of the generation operator carries completions. */
public final class OutputTags {
    /** {@code TokenDelta} records, emitted as tokens are generated. */
    public static final OutputTag<OutputRecord> TOKENS =
            new OutputTag<>("tokens", OutputRecord.TYPE);

    /** {@code DeadLetter} records, of the generation operator and of decoding alike. */
    public static final OutputTag<OutputRecord> DEAD_LETTERS =
            new OutputTag<>("dead-letters", OutputRecord.TYPE);

    private OutputTags() {}
}
