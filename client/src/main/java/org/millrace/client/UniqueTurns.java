// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.util.HashMap;
import java.util.Map;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RequestKind;

/**
 * The turns of a file so far. A repeated id would be answered from the record, and never by a
 * generation of its own. Not thread safe.
 */
final class UniqueTurns {
    private final String unit;
    private final Map<String, Integer> places = new HashMap<>();

    /**
     * @param unit what places count, for messages
     */
    UniqueTurns(String unit) {
        this.unit = unit;
    }

    /**
     * @throws IllegalArgumentException if the file had the turn before
     */
    void add(PromptRequest request, int place) {
        if (request.getKind() != RequestKind.GENERATE) {
            return;
        }
        Integer earlier =
                places.putIfAbsent(request.getSessionId() + '\n' + request.getRequestId(), place);
        if (earlier != null) {
            throw new IllegalArgumentException(
                    "session="
                            + request.getSessionId()
                            + ", request="
                            + request.getRequestId()
                            + " is already "
                            + unit
                            + " "
                            + earlier);
        }
    }
}
