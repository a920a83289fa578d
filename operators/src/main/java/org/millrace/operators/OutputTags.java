// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import org.apache.flink.util.OutputTag;
import org.millrace.schemas.TokenDelta;

/** Side outputs. The main output of the operator carries completions. */
public final class OutputTags {
    /** Tokens, emitted as they are generated. */
    public static final OutputTag<TokenDelta> TOKENS = new OutputTag<>("tokens", OutputTypes.TOKEN);

    /** Prompts that cannot be answered. */
    public static final OutputTag<RejectedPrompt> DEAD_LETTERS =
            new OutputTag<>("dead-letters", RejectedPrompt.TYPE);

    private OutputTags() {}
}
