// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.file.Files;
import java.nio.file.Path;

/** Opens model files of either format. */
public final class ModelLoader {
    private ModelLoader() {}

    /**
     * Opens a GGUF file or a Hugging Face directory; the caller closes it. Everything but the
     * values of the tensors is checked here: sizes, types, shapes, tokenizer, template.
     *
     * @throws ModelFormatException if it cannot be used, saying why
     * @throws java.io.UncheckedIOException if it cannot be read
     */
    public static ModelFiles open(Path path) {
        if (Files.isDirectory(path)) {
            return HuggingFaceModel.open(path);
        }
        MappedFile file = MappedFile.open(path);
        try {
            return GgufModel.open(file);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }
}
