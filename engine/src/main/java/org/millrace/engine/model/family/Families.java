// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/** All families that can be read. */
public final class Families {
    /** Of two for one GGUF architecture the first reads it. */
    private static final List<Family> ALL =
            List.of(
                    new Llama(),
                    new Mistral(),
                    new Ministral3(),
                    new Qwen2(),
                    new Qwen3(),
                    new SeedOss(),
                    new Phi3(),
                    new Gemma2(),
                    new Gemma3(),
                    new Olmo2(),
                    new Olmo3(),
                    new SmolLm3(),
                    new Granite(),
                    new Glm4(),
                    new Hunyuan(),
                    new Ernie45());

    private Families() {}

    /** The family of a {@code model_type}. */
    public static Optional<Family> ofHuggingFace(String modelType) {
        return find(Family::huggingFaceType, modelType);
    }

    /** The family of a {@code general.architecture}. */
    public static Optional<Family> ofGguf(String architecture) {
        return find(Family::ggufArchitecture, architecture);
    }

    private static Optional<Family> find(Function<Family, String> nameOf, String name) {
        return ALL.stream().filter(family -> nameOf.apply(family).equals(name)).findFirst();
    }

    /** All that {@link #ofHuggingFace} knows, for messages. */
    public static String huggingFaceTypes() {
        return names(Family::huggingFaceType);
    }

    /** All that {@link #ofGguf} knows, for messages. */
    public static String ggufArchitectures() {
        return names(Family::ggufArchitecture);
    }

    private static String names(Function<Family, String> nameOf) {
        return String.join(
                ", ", ALL.stream().map(nameOf).collect(Collectors.toCollection(TreeSet::new)));
    }
}
