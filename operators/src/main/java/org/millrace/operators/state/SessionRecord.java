package org.millrace.operators.state;

import java.util.ArrayList;
import java.util.List;

/**
 * What a session is when none of its turns runs, apart from its cache.
 *
 * @param tokens all tokens of its turns, prompts and generated ones; never changed
 * @param answeredRequests ids of the last answered requests, oldest first
 * @param modelFingerprint of the weights that computed the last turn; empty before the first
 */
public record SessionRecord(int[] tokens, List<String> answeredRequests, String modelFingerprint) {
    /** A session that has not been answered yet. */
    public static final SessionRecord EMPTY = new SessionRecord(new int[0], List.of(), "");

    public SessionRecord {
        answeredRequests = List.copyOf(answeredRequests);
    }

    public SessionRecord withTurn(int[] newTokens, String newFingerprint) {
        return new SessionRecord(newTokens, answeredRequests, newFingerprint);
    }

    /** With {@code requestId} as the newest answered one. */
    SessionRecord withAnswered(String requestId) {
        List<String> ids = new ArrayList<>(answeredRequests);
        ids.add(requestId);
        return new SessionRecord(tokens, ids, modelFingerprint);
    }

    /** Without the oldest answered one. */
    SessionRecord withoutOldestAnswered() {
        return new SessionRecord(
                tokens, answeredRequests.subList(1, answeredRequests.size()), modelFingerprint);
    }
}
