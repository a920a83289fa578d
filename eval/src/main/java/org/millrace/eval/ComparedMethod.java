// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * Somebody else's choice of what to keep, window by window, from a file:
 *
 * <pre>
 *   {"name": "my method",
 *    "windows": [{"text": "prose", "context": 512, "index": 0, "kept": [layer][KV head][positions]}]}
 * </pre>
 */
public final class ComparedMethod {
    private record Key(String text, int context, int index) {}

    private final String name;
    private final Map<Key, List<BitSet>> kept = new HashMap<>();

    private ComparedMethod(String name) {
        this.name = name;
    }

    /**
     * Reads a method.
     *
     * @param heads KV heads of all layers
     * @throws IOException if something is missing or out of range, saying what
     */
    public static ComparedMethod read(JsonNode root, int heads) throws IOException {
        String name = root.path("name").asText("").replace(' ', '-');
        if (name.isEmpty() || !root.path("windows").isArray()) {
            throw new IOException("no name and list of windows of a method");
        }
        ComparedMethod method = new ComparedMethod(name);
        for (JsonNode window : root.get("windows")) {
            Key key =
                    new Key(
                            window.path("text").asText(),
                            window.path("context").asInt(),
                            window.path("index").asInt());
            List<BitSet> positions = new ArrayList<>();
            for (JsonNode layer : window.path("kept")) {
                for (JsonNode head : layer) {
                    positions.add(positions(head, key));
                }
            }
            if (positions.size() != heads) {
                throw new IOException(
                        "kept positions of "
                                + positions.size()
                                + " heads, not "
                                + heads
                                + ": "
                                + key);
            }
            method.kept.put(key, positions);
        }
        return method;
    }

    private static BitSet positions(JsonNode list, Key key) throws IOException {
        BitSet positions = new BitSet(key.context());
        for (JsonNode position : list) {
            if (!position.isInt()
                    || position.intValue() < 0
                    || position.intValue() >= key.context()) {
                throw new IOException(
                        "kept position " + position + ", must be in [0, context): " + key);
            }
            positions.set(position.intValue());
        }
        return positions;
    }

    /** As which it appears among policies. */
    public Retention retention() {
        return new Retention(name, new TreeMap<>());
    }

    /**
     * What is kept of a window.
     *
     * @throws IllegalArgumentException if the file does not say
     */
    KeptSlots policy(TextWindow window) {
        Key key = new Key(window.text(), window.context(), window.index());
        List<BitSet> heads = kept.get(key);
        if (heads == null) {
            throw new IllegalArgumentException(
                    "method=" + name + " lacks kept positions of " + key);
        }
        return new KeptSlots(name, heads);
    }
}
