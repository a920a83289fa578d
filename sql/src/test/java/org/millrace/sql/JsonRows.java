// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Rows as files of JSON lines. */
final class JsonRows {
    private static final ObjectMapper JSON = new ObjectMapper();

    private JsonRows() {}

    /** Writes rows into two files of a directory, so that two subtasks have some each. */
    static void write(Path directory, List<Map<String, Object>> rows) throws IOException {
        Files.createDirectories(directory);
        for (int file = 0; file < 2; file++) {
            StringBuilder lines = new StringBuilder();
            for (int i = file; i < rows.size(); i += 2) {
                lines.append(JSON.writeValueAsString(rows.get(i))).append('\n');
            }
            Files.writeString(directory.resolve("part-" + file + ".json"), lines);
        }
    }

    /** All rows in a directory, by id. Files that the sink has not committed are not looked at. */
    static List<JsonNode> read(Path directory) throws IOException {
        List<JsonNode> rows = new ArrayList<>();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file :
                    files.filter(path -> path.getFileName().toString().startsWith("part-"))
                            .toList()) {
                for (String line : Files.readAllLines(file)) {
                    rows.add(JSON.readTree(line));
                }
            }
        }
        rows.sort(Comparator.comparing(row -> row.get("id").intValue()));
        return rows;
    }
}
