// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import java.io.PrintStream;
import org.apache.avro.specific.SpecificRecord;
import org.millrace.client.AnswerPrinter;

/**
 * What a person sees of a run: answers as they grow, and how far it is. On a terminal the state
 * stays in the last line, in a file it is a line of its own when it has changed by an answer.
 */
interface RunView {
    /** A line about the run itself. */
    void note(String text);

    /** A new token, completion or dead letter. */
    void show(SpecificRecord output);

    /** How far it is. */
    void status(String summary);

    /** Shows nothing. */
    static RunView silent() {
        return new RunView() {
            @Override
            public void note(String text) {}

            @Override
            public void show(SpecificRecord output) {}

            @Override
            public void status(String summary) {}
        };
    }

    /** Lines for a file or a pipe. */
    static RunView lines(PrintStream out) {
        AnswerPrinter printer = new AnswerPrinter(out);
        return new RunView() {
            private String answered = "";

            @Override
            public void note(String text) {
                out.println(text);
                out.flush();
            }

            @Override
            public void show(SpecificRecord output) {
                printer.print(output);
            }

            @Override
            public void status(String summary) {
                String nowAnswered = summary.substring(0, summary.indexOf(','));
                if (!nowAnswered.equals(answered)) {
                    answered = nowAnswered;
                    out.println("-- " + summary);
                }
                out.flush();
            }
        };
    }

    /** Lines above a status line that is written over. */
    static RunView terminal(PrintStream out) {
        String clearLine = "\r\033[K";
        AnswerPrinter printer = new AnswerPrinter(out);
        return new RunView() {
            @Override
            public void note(String text) {
                out.println(clearLine + text);
            }

            @Override
            public void show(SpecificRecord output) {
                out.print(clearLine);
                printer.print(output);
            }

            @Override
            public void status(String summary) {
                out.print(clearLine + summary);
                out.flush();
            }
        };
    }
}
