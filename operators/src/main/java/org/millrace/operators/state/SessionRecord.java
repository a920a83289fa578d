// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.batch.Transcript;

/**
 * What a session is when none of its turns runs, apart from its cache.
 *
 * @param transcript its turns and their tokens
 * @param answered the last answered requests, oldest first
 * @param modelFingerprint of the weights that computed the last turn; empty before the first
 */
public record SessionRecord(
        Transcript transcript, List<Answered> answered, String modelFingerprint) {
    /** A session that has not been answered yet. */
    public static final SessionRecord EMPTY = new SessionRecord(Transcript.EMPTY, List.of(), "");

    /**
     * A request whose answer is remembered.
     *
     * @param bytes of the answer, encoded
     */
    public record Answered(String requestId, int bytes) {}

    public SessionRecord {
        answered = List.copyOf(answered);
    }

    /** After another turn, or a rest. */
    public SessionRecord with(Transcript newTranscript, String newFingerprint) {
        return new SessionRecord(newTranscript, answered, newFingerprint);
    }

    /** With the newest answered one. */
    SessionRecord withAnswered(Answered newest) {
        List<Answered> all = new ArrayList<>(answered);
        all.add(newest);
        return new SessionRecord(transcript, all, modelFingerprint);
    }

    /** Without the oldest answered one. */
    SessionRecord withoutOldestAnswered() {
        return new SessionRecord(
                transcript, answered.subList(1, answered.size()), modelFingerprint);
    }

    /** Bytes of all answers that are remembered. */
    long answeredBytes() {
        return answered.stream().mapToLong(Answered::bytes).sum();
    }
}
