// SPDX-License-Identifier: Apache-2.0
package org.millrace.examples.windows;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Instant;
import org.millrace.operators.Prompt;

/** A line of the input. */
public record PromptLine(String session, String id, String time, String text) {
    private static final ObjectMapper JSON = new ObjectMapper();

    static PromptLine parse(String json) throws IOException {
        return JSON.readValue(json, PromptLine.class);
    }

    long timeMillis() {
        return Instant.parse(time).toEpochMilli();
    }

    Prompt toPrompt(int maxTokens) {
        return Prompt.text(session, id, text).maxTokens(maxTokens).temperature(0).build();
    }
}
