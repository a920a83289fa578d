// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The bundled texts; their origin is in {@code texts/README.md}. */
public final class EvalTexts {
    /** What defaults are chosen on, and what published figures are measured on. */
    public enum Set {
        TUNING,
        REPORT
    }

    private EvalTexts() {}

    /** Texts by name. */
    public static Map<String, String> bundled(Set set) throws IOException {
        Map<String, String> texts = new LinkedHashMap<>();
        String folder = "texts/" + set.name().toLowerCase(Locale.ROOT) + "/";
        for (String name : List.of("prose", "code")) {
            try (InputStream in = EvalTexts.class.getResourceAsStream(folder + name + ".txt")) {
                texts.put(name, new String(in.readAllBytes(), StandardCharsets.UTF_8));
            }
        }
        return texts;
    }
}
