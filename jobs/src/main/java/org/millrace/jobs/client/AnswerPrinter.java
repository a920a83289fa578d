package org.millrace.jobs.client;

import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.TokenDelta;

/**
 * Shows generations that arrive side by side: text is held back until it fills a line, and every line begins with its
 * session and request. Not thread safe.
 */
public final class AnswerPrinter {
    private static final int LINE_CHARACTERS = 72;

    private final PrintStream out;
    private final Map<String, StringBuilder> pending = new LinkedHashMap<>();

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
        StringBuilder text = pending.computeIfAbsent(label, key -> new StringBuilder());
        text.append(token.getText());
        for (int end = lineEnd(text); end >= 0; end = lineEnd(text)) {
            printLine(label, text.substring(0, end).stripTrailing());
            text.delete(0, end);
            while (text.length() > 0 && Character.isWhitespace(text.charAt(0))) {
                text.deleteCharAt(0);
            }
        }
    }

    /** Shows the rest of an answer and how it ended. */
    private void print(Completion completion) {
        String label = completion.getSessionId() + "/" + completion.getRequestId();
        StringBuilder rest = pending.remove(label);
        String text = rest == null ? "" : rest.toString().strip();
        String end =
                "(" + completion.getFinishReason() + ", " + completion.getUsage().getGeneratedTokens() + " tokens"
                        + (completion.getRepeated() ? ", repeated" : "") + ")";
        printLine(label, text.isEmpty() ? end : text + " " + end);
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
