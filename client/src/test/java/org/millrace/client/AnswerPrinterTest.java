// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.schemas.Completion;
import org.millrace.schemas.TokenDelta;
import org.millrace.schemas.Usage;

class AnswerPrinterTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final AnswerPrinter printer =
            new AnswerPrinter(new PrintStream(bytes, true, StandardCharsets.UTF_8));

    @Test
    void sessionsDoNotMixWithinALine() {
        printer.print(token("a", 0, "Hello"));
        printer.print(token("b", 0, "Good"));
        printer.print(token("a", 1, " world\n"));
        printer.print(token("b", 1, " bye"));
        printer.print(completion("b", "Good bye", 2));
        assertThat(printed()).isEqualTo("[a/r] Hello world\n[b/r] Good bye (stop, 2 tokens)\n");
    }

    @Test
    void longTextIsBrokenAtSpaces() {
        for (int i = 0; i < 30; i++) {
            printer.print(token("a", i, " word"));
        }
        assertThat(printed().lines())
                .hasSize(2)
                .allMatch(line -> line.length() <= 80 && line.endsWith("word"));
    }

    /** The topics are read side by side: a completion may come before the last tokens. */
    @Test
    void aCompletionBringsTheTextOfTokensThatComeLater() {
        printer.print(token("a", 0, "One"));
        printer.print(completion("a", "One two", 2));
        printer.print(token("a", 1, " two"));
        assertThat(printed()).isEqualTo("[a/r] One two (stop, 2 tokens)\n");
    }

    private String printed() {
        return bytes.toString(StandardCharsets.UTF_8).replace(System.lineSeparator(), "\n");
    }

    private static TokenDelta token(String session, int index, String text) {
        return new TokenDelta(session, "r", index, 1, text, null, List.of());
    }

    private static Completion completion(String session, String text, int tokens) {
        return Completion.newBuilder()
                .setSessionId(session)
                .setRequestId("r")
                .setText(text)
                .setFinishReason("stop")
                .setUsage(new Usage(1, 0, tokens))
                .build();
    }
}
