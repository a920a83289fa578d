package org.millrace.operators;

import java.net.URISyntaxException;
import java.nio.file.Path;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.model.ActivationType;

/** A model of a few hundred kilobytes with random weights: what it says means nothing, but it runs for real. */
final class TinyModel {
    /** The Java kernels: the same bits as the C++ ones, and they need no compiler. */
    static final ModelOptions OPTIONS =
            new ModelOptions(KvType.F16, ActivationType.INT8, "reference", 1);

    private TinyModel() {}

    static Path path() {
        try {
            return Path.of(
                    TinyModel.class.getResource("/golden/tiny/gqa3/q8_0.gguf").toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
