// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.Arrays;
import org.millrace.engine.model.Tokenizer;

/**
 * The context as the model is made to repeat it, in parts, KVzip (arXiv 2505.23416, section 3.2 and
 * its Algorithm 1): each part is asked for by an instruction, then follow its tokens. From the
 * second on the instruction ends with the last tokens of the part before. Rows of a part take the
 * positions after the context; parts do not see each other.
 */
final class Replay {
    /** Tokens of the context in a part. The paper's 2,048 cost more for the same scores. */
    static final int PART_TOKENS = 512;

    /** Most rows of a part. */
    static final int MAX_ROWS = PART_TOKENS + 64;

    private static final int OVERLAP = 8;
    private static final String FIRST = "\n\nRepeat the previous context:";
    private static final String NEXT = "\n\nRepeat the part of the previous context starting with";

    private final int[] context;
    private final int[] firstInstruction;
    private final int[] nextInstruction;
    private int begin;
    private int[] part;

    /**
     * @param context tokens from the first column on, at least 1
     */
    Replay(int[] context, Tokenizer tokenizer) {
        this.context = context;
        this.firstInstruction = tokenizer.encode(FIRST, false);
        this.nextInstruction = tokenizer.encode(NEXT, false);
        this.part = part(firstInstruction, 0);
    }

    private int[] part(int[] instruction, int overlap) {
        int end = Math.min(begin + PART_TOKENS, context.length);
        int[] tokens = Arrays.copyOf(instruction, instruction.length + overlap + end - begin);
        System.arraycopy(
                context, begin - overlap, tokens, instruction.length, overlap + end - begin);
        return tokens;
    }

    /** The part to run now. */
    int[] part() {
        return part;
    }

    /** Goes on to the next part; false if there is none. */
    boolean next() {
        begin += PART_TOKENS;
        if (begin >= context.length) {
            return false;
        }
        part = part(nextInstruction, OVERLAP);
        return true;
    }
}
