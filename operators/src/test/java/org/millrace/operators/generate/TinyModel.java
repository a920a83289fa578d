// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.net.URISyntaxException;
import java.nio.file.Path;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;

/**
 * A model of a few hundred kilobytes with random weights: what it says means nothing, but it runs
 * for real.
 */
final class TinyModel {
    /** The Java kernels: the same bits as the C++ ones, and they need no compiler. */
    static final ModelOptions OPTIONS = options(KvType.F16);

    private TinyModel() {}

    static ModelOptions options(KvType kvType) {
        return new ModelOptions(kvType, ActivationType.INT8, "reference", 1);
    }

    static Path path() {
        return resource("gqa3/q8_0.gguf");
    }

    /** The same shape and tokenizer with other weights. */
    static Path otherPath() {
        return resource("gqa3/f16.gguf");
    }

    /** A Hugging Face directory in float32, with an output head of its own. */
    static Path directory() {
        return resource("mha32/hf");
    }

    private static Path resource(String file) {
        try {
            return Path.of(TinyModel.class.getResource("/golden/tiny/" + file).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
