// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;

/**
 * What recall is measured with, out of {@code recall.json}.
 *
 * @param opening a user's words before a text with facts
 * @param acknowledgement what is replied to it
 * @param chat what is talked about afterwards; none of it touches a fact
 */
record Facts(String opening, String acknowledgement, List<Fact> facts, List<Exchange> chat) {
    /**
     * A fact that can be asked for.
     *
     * @param tell a sentence up to the value
     * @param answer the same as an answer to {@code question}, up to the value
     * @param values of which one is told, and which are equally likely for one who was told nothing
     */
    record Fact(String tell, String question, String answer, List<String> values) {}

    /** A turn of a conversation. */
    record Exchange(String user, String assistant) {}

    static Facts bundled() throws IOException {
        try (InputStream in = Facts.class.getResourceAsStream("recall.json")) {
            return new ObjectMapper().readValue(in, Facts.class);
        }
    }

    /** The fact that is told at a place of a session; neighbouring ones are of different kinds. */
    Fact fact(int session, int place) {
        return facts.get((session + place) % facts.size());
    }

    /** Index of the value that is told. */
    int value(int session, int place) {
        return (3 * session + place) % fact(session, place).values().size();
    }
}
