// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.Map;

/**
 * Counts what was computed twice. A position is covered for an operator if it was in the checkpoint
 * that the operator began with, or went into its state since; a covered one that is prefilled again
 * is work that was paid for and saved and is done again all the same. What is repeated and was not
 * covered was computed after the last checkpoint: it had to be. Not thread safe.
 */
final class JournalAudit {
    /** Positions in the state of one operator, by session. */
    private static final class Operator {
        private final Map<String, Integer> restored;
        private final Map<String, Integer> saved = new HashMap<>();

        private Operator(Map<String, Integer> restored) {
            this.restored = restored;
        }

        private int covered(String session) {
            return saved.getOrDefault(session, restored.getOrDefault(session, 0));
        }
    }

    private final Map<String, Operator> operators = new HashMap<>();
    private final Map<Long, Map<String, Integer>> checkpoints = new HashMap<>();
    private final Map<String, Integer> computed = new HashMap<>();
    private long promptTokensRecomputed;
    private long tokensRedone;
    private int restores;

    void accept(JsonNode event) {
        String name = event.path("operator").asText();
        long checkpoint = event.path("checkpoint").asLong();
        String session = event.path("session").asText();
        switch (event.path("event").asText()) {
            case "open" -> open(name, checkpoint, event.path("subtask").asInt());
            case "store", "snapshot" ->
                    operators.get(name).saved.put(session, event.path("positions").asInt());
            case "checkpoint" -> checkpoint(operators.get(name), checkpoint);
            case "prefill" -> {
                int from = event.path("from").asInt();
                int end = Math.min(event.path("to").asInt(), operators.get(name).covered(session));
                int again = Math.max(0, end - from);
                promptTokensRecomputed += again;
                tokensRedone += computed(event, session) - again;
            }
            case "decode" -> tokensRedone += computed(event, session);
            default -> {
                // What came back is known from the checkpoint.
            }
        }
    }

    private void open(String name, long checkpoint, int subtask) {
        operators.put(name, new Operator(checkpoints.getOrDefault(checkpoint, Map.of())));
        if (checkpoint >= 0 && subtask == 0) {
            restores++;
        }
    }

    /** Sessions of other operators stay as those say. */
    private void checkpoint(Operator operator, long id) {
        Map<String, Integer> positions = checkpoints.computeIfAbsent(id, key -> new HashMap<>());
        operator.restored.forEach(positions::putIfAbsent);
        positions.putAll(operator.saved);
    }

    /** Notes that positions were computed; how many of them had been before. */
    private int computed(JsonNode event, String session) {
        int from = event.path("from").asInt();
        int to = event.path("to").asInt();
        int before = computed.getOrDefault(session, 0);
        computed.put(session, Math.max(before, to));
        return Math.max(0, Math.min(to, before) - from);
    }

    /** Prompt tokens that were computed although their positions were covered; must be 0. */
    long promptTokensRecomputed() {
        return promptTokensRecomputed;
    }

    /** Tokens computed again that were computed after the last checkpoint before a failure. */
    long tokensRedone() {
        return tokensRedone;
    }

    /** How often the job came back from a checkpoint or savepoint. */
    int restores() {
        return restores;
    }
}
