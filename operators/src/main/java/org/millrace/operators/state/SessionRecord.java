// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.batch.Transcript;

/**
 * What a session is when none of its turns runs, apart from its cache.
 *
 * @param transcript its turns and their tokens
 * @param answeredRequests ids of the last answered requests, oldest first
 * @param modelFingerprint of the weights that computed the last turn; empty before the first
 */
public record SessionRecord(
        Transcript transcript, List<String> answeredRequests, String modelFingerprint) {
    /** A session that has not been answered yet. */
    public static final SessionRecord EMPTY = new SessionRecord(Transcript.EMPTY, List.of(), "");

    public SessionRecord {
        answeredRequests = List.copyOf(answeredRequests);
    }

    /** After another turn, or a rest. */
    public SessionRecord with(Transcript newTranscript, String newFingerprint) {
        return new SessionRecord(newTranscript, answeredRequests, newFingerprint);
    }

    /** With {@code requestId} as the newest answered one. */
    SessionRecord withAnswered(String requestId) {
        List<String> ids = new ArrayList<>(answeredRequests);
        ids.add(requestId);
        return new SessionRecord(transcript, ids, modelFingerprint);
    }

    /** Without the oldest answered one. */
    SessionRecord withoutOldestAnswered() {
        return new SessionRecord(
                transcript, answeredRequests.subList(1, answeredRequests.size()), modelFingerprint);
    }
}
