// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.PrintStream;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.avro.specific.SpecificRecord;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.TokenDelta;

/**
 * Shows generations that arrive side by side: text is held back until it fills a line, and every
 * line begins with its session and request. Not thread safe.
 */
public final class AnswerPrinter {
    private static final int LINE_CHARACTERS = 72;

    /**
     * Text of a turn that fills no line yet, and how many characters of the turn have come in all.
     */
    private static final class Pending {
        private final StringBuilder text = new StringBuilder();
        private int characters;
    }

    private final PrintStream out;
    private final Map<String, Pending> open = new HashMap<>();
    private final Set<String> answered = new HashSet<>();

    public AnswerPrinter(PrintStream out) {
        this.out = out;
    }

    /** Shows a token, a completion or a dead letter. */
    public void print(SpecificRecord output) {
        if (output instanceof TokenDelta token) {
            print(token);
        } else if (output instanceof Completion completion) {
            print(completion);
        } else if (output instanceof DeadLetter letter) {
            print(letter);
        }
    }

    /** Shows a token, as soon as its line is full. */
    private void print(TokenDelta token) {
        String label = token.getSessionId() + "/" + token.getRequestId();
        if (answered.contains(label)) {
            return;
        }
        Pending pending = open.computeIfAbsent(label, key -> new Pending());
        pending.characters += token.getText().length();
        printFullLines(label, pending.text.append(token.getText()));
    }

    /** Shows the rest of an answer, as far as its tokens have not come yet, and how it ended. */
    private void print(Completion completion) {
        String label = completion.getSessionId() + "/" + completion.getRequestId();
        answered.add(label);
        Pending pending = open.remove(label);
        StringBuilder rest = pending == null ? new StringBuilder() : pending.text;
        int shown = pending == null ? 0 : pending.characters;
        rest.append(
                completion.getText(),
                Math.min(shown, completion.getText().length()),
                completion.getText().length());
        printFullLines(label, rest);
        String text = rest.toString().strip();
        String end =
                "("
                        + completion.getFinishReason()
                        + ", "
                        + completion.getUsage().getGeneratedTokens()
                        + " tokens"
                        + (completion.getRepeated() ? ", repeated" : "")
                        + ")";
        printLine(label, text.isEmpty() ? end : text + " " + end);
    }

    private void printFullLines(String label, StringBuilder text) {
        for (int end = lineEnd(text); end >= 0; end = lineEnd(text)) {
            printLine(label, text.substring(0, end).stripTrailing());
            text.delete(0, end);
            while (text.length() > 0 && Character.isWhitespace(text.charAt(0))) {
                text.deleteCharAt(0);
            }
        }
    }

    /** Shows why a record was not answered. */
    private void print(DeadLetter letter) {
        String label =
                letter.getSessionId() == null || letter.getRequestId() == null
                        ? letter.getTopic() + "-" + letter.getPartition() + "@" + letter.getOffset()
                        : letter.getSessionId() + "/" + letter.getRequestId();
        printLine(label, "dead letter: " + letter.getReason() + ": " + letter.getDetail());
    }

    /** End of the first line in {@code text}, or -1 if it is not complete. */
    private static int lineEnd(StringBuilder text) {
        int newline = text.indexOf("\n");
        if (newline >= 0 && newline <= LINE_CHARACTERS) {
            return newline + 1;
        }
        if (text.length() <= LINE_CHARACTERS) {
            return -1;
        }
        int space = text.lastIndexOf(" ", LINE_CHARACTERS);
        return space > 0 ? space : LINE_CHARACTERS;
    }

    private void printLine(String label, String text) {
        if (!text.isEmpty()) {
            out.println("[" + label + "] " + text);
        }
    }
}
