// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What the job is doing, as far as its journal tells. Not thread safe. */
final class JournalState {
    private enum Doing {
        PREFILL,
        DECODE,
        NOTHING
    }

    private record Session(TurnId turn, String operator, Doing doing) {}

    private final Map<String, Session> sessions = new HashMap<>();
    private final Map<String, Set<TurnId>> endedByOperator = new HashMap<>();
    private final TreeMap<Long, Set<TurnId>> endedByCheckpoint = new TreeMap<>();
    private int opened;

    void accept(JsonNode event) {
        String operator = event.path("operator").asText();
        switch (event.path("event").asText()) {
            case "open" -> opened++;
            case "prefill" -> computed(event, Doing.PREFILL);
            case "decode" -> computed(event, Doing.DECODE);
            case "store" -> stored(event.path("session").asText(), operator);
            case "checkpoint" -> {
                Set<TurnId> ended = endedByOperator.remove(operator);
                if (ended != null) {
                    endedByCheckpoint
                            .computeIfAbsent(
                                    event.path("checkpoint").asLong(), key -> new HashSet<>())
                            .addAll(ended);
                }
            }
            default -> {
                // Restored and saved sessions go on with what they did.
            }
        }
    }

    private void computed(JsonNode event, Doing doing) {
        String session = event.path("session").asText();
        TurnId turn = new TurnId(session, event.path("request").asText());
        sessions.put(session, new Session(turn, event.path("operator").asText(), doing));
    }

    private void stored(String name, String operator) {
        Session session = sessions.get(name);
        if (session != null) {
            sessions.put(name, new Session(session.turn(), operator, Doing.NOTHING));
            endedByOperator.computeIfAbsent(operator, key -> new HashSet<>()).add(session.turn());
        }
    }

    /** Turns that have begun and not ended. */
    Set<TurnId> live() {
        return sessions.values().stream()
                .filter(session -> session.doing() != Doing.NOTHING)
                .map(Session::turn)
                .collect(Collectors.toSet());
    }

    /** Turns whose prompt has begun and that have no token yet. */
    Set<TurnId> prefilling() {
        return sessions.values().stream()
                .filter(session -> session.doing() == Doing.PREFILL)
                .map(Session::turn)
                .collect(Collectors.toSet());
    }

    /** Turns whose answers are in the transactions of a checkpoint or an earlier one. */
    Set<TurnId> endedBefore(long checkpoint) {
        return endedByCheckpoint.headMap(checkpoint, true).values().stream()
                .flatMap(Set::stream)
                .collect(Collectors.toSet());
    }

    /** Operators that began so far. */
    int opened() {
        return opened;
    }
}
