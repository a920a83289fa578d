package org.millrace.engine.model;

import java.nio.file.Path;

final class HuggingFaceModel {
    private HuggingFaceModel() {}

    static ModelFiles open(Path directory) {
        throw new ModelFormatException(directory + ": directories cannot be read yet");
    }
}
