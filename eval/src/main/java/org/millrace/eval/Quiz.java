// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.List;

/**
 * A session in which facts are told and asked for.
 *
 * @param stops in the order of the session
 */
record Quiz(List<Stop> stops) {
    /**
     * A point of the session.
     *
     * @param dialogue up to here; begins with that of the stop before
     */
    record Stop(Dialogue dialogue, List<Question> questions) {}

    /** Most tokens of the session, questions and answers included. */
    int longest() {
        return stops.stream()
                .flatMap(stop -> stop.questions().stream())
                .mapToInt(Quiz::length)
                .max()
                .orElseThrow();
    }

    private static int length(Question question) {
        int longest = question.answers().stream().mapToInt(answer -> answer.length).max().orElse(0);
        return question.asked().length() + longest;
    }
}
