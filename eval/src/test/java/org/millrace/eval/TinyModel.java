// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;

/** A model with random weights: what it says means nothing, but it runs for real. */
final class TinyModel {
    private TinyModel() {}

    static Model open(KvType kvType) {
        try {
            Path file = Path.of(TinyModel.class.getResource("/golden/tiny/k256/q4_1.gguf").toURI());
            return Model.open(file, new ModelOptions(kvType, ActivationType.F32, "reference", 0));
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A window of some text. */
    static TextWindow window(Model model, int context) {
        String text = "The mill turns while the race runs, and the miller sleeps. ".repeat(30);
        int[] tokens = model.tokenizer().encode(text, false);
        int[] cut = Arrays.copyOf(tokens, context + 1);
        return new TextWindow("text", context, 0, cut);
    }
}
