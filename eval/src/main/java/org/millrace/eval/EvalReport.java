// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.interpret.RenderResult;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Results as one HTML file that needs nothing else: {@code report.html} is its template. */
public final class EvalReport {
    private EvalReport() {}

    /** Writes the file. */
    public static void write(Evaluation evaluation, Path file) throws IOException {
        RenderResult rendered = new Jinjava().renderForResult(template(), values(evaluation));
        if (rendered.hasErrors()) {
            throw new IllegalStateException(rendered.getErrors().get(0).getMessage());
        }
        try {
            Files.writeString(file, rendered.getOutput());
        } catch (IOException e) {
            throw new IOException("cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    private static String template() throws IOException {
        try (InputStream in = EvalReport.class.getResourceAsStream("report.html")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static Map<String, Object> values(Evaluation evaluation) throws IOException {
        List<String> pictures = new ArrayList<>();
        for (byte[] png : QualityCurves.draw(evaluation)) {
            pictures.add(Base64.getEncoder().encodeToString(png));
        }
        List<Map<String, Object>> tables = new ArrayList<>();
        for (ResultTable table : EvalTables.of(evaluation)) {
            tables.add(
                    Map.of(
                            "title", table.title(),
                            "note", table.note(),
                            "header", table.header(),
                            "rows", table.rows()));
        }
        return Map.of(
                "settings", settings(evaluation.setting()), "pictures", pictures, "tables", tables);
    }

    private static Map<String, String> settings(Evaluation.Setting setting) {
        Map<String, String> lines = new LinkedHashMap<>();
        lines.put("command", setting.command());
        lines.put("version", setting.version());
        lines.put("machine", setting.machine());
        lines.put("model", setting.model());
        lines.put("fingerprint", setting.fingerprint());
        lines.put("compressed caches", setting.kvType());
        lines.put("compared with", setting.reference());
        lines.put("activations", setting.activations());
        lines.put("texts", String.join(", ", setting.texts()));
        lines.put("predicted behind each context", setting.continuation() + " tokens");
        lines.put("took", String.format(Locale.ROOT, "%.0f s", setting.seconds()));
        return lines;
    }
}
