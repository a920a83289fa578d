// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads a journal. */
final class JournalLines {
    private static final ObjectMapper JSON = new ObjectMapper();

    private JournalLines() {}

    static List<JsonNode> read(Path journal) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(journal)) {
            lines.add(JSON.readTree(line));
        }
        return lines;
    }

    /**
     * Positions in state of each session after the lines, for a checkpoint that was taken behind
     * the last of them.
     */
    static Map<String, Integer> covered(List<JsonNode> lines) {
        Map<String, Integer> positions = new HashMap<>();
        for (JsonNode line : lines) {
            if (line.has("positions")) {
                positions.put(line.get("session").asText(), line.get("positions").asInt());
            }
        }
        return positions;
    }

    /** Lines that computed positions which were covered already. */
    static List<JsonNode> repeated(List<JsonNode> lines, Map<String, Integer> covered) {
        return lines.stream()
                .filter(line -> line.has("from"))
                .filter(
                        line ->
                                line.get("from").asInt()
                                        < covered.getOrDefault(line.get("session").asText(), 0))
                .toList();
    }

    static List<JsonNode> computed(List<JsonNode> lines) {
        return lines.stream().filter(line -> line.has("from")).toList();
    }
}
