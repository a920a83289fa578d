// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Callable;
import org.apache.avro.specific.SpecificRecord;
import org.millrace.jobs.KafkaArguments;
import org.millrace.jobs.KafkaTopics;
import org.millrace.schemas.Completion;
import org.millrace.schemas.TokenDelta;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace consume}: tokens, completions and dead letters out of their topics. */
@Command(
        name = "consume",
        mixinStandardHelpOptions = true,
        description =
                "Prints tokens, completions and dead letters from their topics. Tokens that were written twice are printed once.")
public final class ConsumeCommand implements Callable<Integer> {
    private static final Duration POLL = Duration.ofMillis(200);
    private static final long LAST_TOKENS_MILLIS = 2000;

    @Mixin private KafkaArguments kafka;

    @Option(
            names = "--until",
            paramLabel = "N",
            description = "Stop after N completions and dead letters (default: never).")
    private long until = Long.MAX_VALUE;

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            description = "Fail if nothing arrives for this long (default: wait for ever).")
    private long timeoutSeconds = Long.MAX_VALUE / 2_000;

    @Option(names = "--from-end", description = "Print only what is written from now on.")
    private boolean fromEnd;

    @Option(names = "--json", description = "Print one JSON object per line.")
    private boolean json;

    private final PrintStream out;
    private final OutputLedger ledger = new OutputLedger();
    private final AnswerPrinter printer;
    private long answers;

    public ConsumeCommand() {
        this(System.out);
    }

    public ConsumeCommand(PrintStream out) {
        this.out = out;
        this.printer = new AnswerPrinter(out);
    }

    @Override
    public Integer call() throws IOException {
        Properties properties = kafka.clientProperties();
        KafkaTopics topics = kafka.topics();
        try (OutputReader reader =
                fromEnd
                        ? OutputReader.fromEnd(properties, topics)
                        : OutputReader.fromBeginning(properties, topics)) {
            long lastMillis = System.currentTimeMillis();
            while (answers < until) {
                if (showNext(reader)) {
                    lastMillis = System.currentTimeMillis();
                } else if (System.currentTimeMillis() - lastMillis > timeoutSeconds * 1000) {
                    throw new IOException(
                            "nothing came for timeout="
                                    + timeoutSeconds
                                    + " s, after "
                                    + answers
                                    + " completions and dead letters");
                }
            }
            // The topics are read side by side: tokens of the last answers may still be on their
            // way.
            while (System.currentTimeMillis() - lastMillis < LAST_TOKENS_MILLIS
                    && showNext(reader)) {}
            if (reader.skipped() > 0) {
                System.err.println(
                        "millrace: records skipped because their topic is not for them: "
                                + reader.skipped());
            }
        }
        return 0;
    }

    private boolean showNext(OutputReader reader) throws IOException {
        List<SpecificRecord> outputs = reader.poll(POLL);
        outputs.forEach(this::show);
        if (out.checkError()) {
            throw new IOException("cannot write to standard output");
        }
        return !outputs.isEmpty();
    }

    private void show(SpecificRecord output) {
        if (output instanceof TokenDelta token && !ledger.isNew(token)) {
            return;
        }
        if (output instanceof Completion completion) {
            ledger.add(completion);
        }
        if (!(output instanceof TokenDelta)) {
            answers++;
        }
        if (json) {
            out.println(output);
        } else {
            printer.print(output);
        }
    }
}
