// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A piece of a text: a context that is compressed, and how the text goes on.
 *
 * @param text name of the text
 * @param context tokens of the context
 * @param index among the text's windows of this length
 * @param tokens context and continuation
 */
public record TextWindow(String text, int context, int index, int[] tokens) {
    /**
     * Windows of a text, as far from each other as it allows.
     *
     * @param most windows; fewer if they would overlap
     * @throws IOException if the text is too short for one
     */
    public static List<TextWindow> cut(
            String name, int[] text, int context, int continuation, int most) throws IOException {
        int length = context + continuation;
        int count = Math.min(most, text.length / length);
        if (count < 1) {
            throw new IOException(
                    "text too short: text="
                            + name
                            + ", tokens="
                            + text.length
                            + ", must be >= context + continuation = "
                            + length);
        }
        List<TextWindow> windows = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int start = count == 1 ? 0 : (int) ((long) i * (text.length - length) / (count - 1));
            int[] tokens = Arrays.copyOfRange(text, start, start + length);
            windows.add(new TextWindow(name, context, i, tokens));
        }
        return windows;
    }

    int continuation() {
        return tokens.length - context;
    }
}
