// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.IOException;
import java.io.PrintStream;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.Callable;
import org.millrace.jobs.KafkaArguments;
import org.millrace.jobs.KafkaTopics;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** {@code millrace redrive}: dead letters back into the prompts topic. */
@Command(
        name = "redrive",
        mixinStandardHelpOptions = true,
        description = {
            "Sends the prompts of dead letters to the prompts topic again, to the partitions that they came from. A dead letter is sent only once, even if you run this again.",
            "Dead letters from another prompts topic are ignored. A dead letter that holds only part of its prompt is counted and not sent."
        })
public final class RedriveCommand implements Callable<Integer> {
    @Mixin private KafkaArguments kafka;

    @Option(
            names = "--reason",
            paramLabel = "REASON",
            split = ",",
            description =
                    "Send only dead letters with these reasons, such as pool_too_small (default: all).")
    private Set<String> reasons = new LinkedHashSet<>();

    @Option(
            names = "--session",
            paramLabel = "ID",
            description =
                    "Send only dead letters of this session. Can be given more than once (default: all).")
    private Set<String> sessions = new LinkedHashSet<>();

    @Option(
            names = "--from",
            paramLabel = "TIME",
            converter = InstantConverter.class,
            description =
                    "Send only dead letters written at this time or later, such as 2026-11-25T08:00:00Z.")
    private Instant from;

    @Option(
            names = "--to",
            paramLabel = "TIME",
            converter = InstantConverter.class,
            description = "Send only dead letters written before this time.")
    private Instant to;

    @Option(names = "--dry-run", description = "Only count what would be sent.")
    private boolean dryRun;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    private final PrintStream out;

    public RedriveCommand() {
        this(System.out);
    }

    RedriveCommand(PrintStream out) {
        this.out = out;
    }

    @Override
    public Integer call() throws IOException {
        Properties properties = kafka.clientProperties();
        KafkaTopics topics = kafka.topics();
        Redrive redrive =
                new Redrive(properties, topics, new DeadLetterFilter(reasons, sessions, from, to));
        Redrive.Result result = dryRun ? redrive.preview() : redrive.run();
        out.println(json ? json(result) : text(result, topics));
        return 0;
    }

    private String json(Redrive.Result result) {
        return String.format(
                Locale.ROOT,
                "{\"dry_run\":%b,\"sent\":%d,\"sent_before\":%d,\"incomplete\":%d,\"moved\":%d,\"skipped\":%d}",
                dryRun,
                result.sent(),
                result.sentBefore(),
                result.incomplete(),
                result.moved(),
                result.skipped());
    }

    private String text(Redrive.Result result, KafkaTopics topics) {
        String text =
                String.format(
                        "%d dead letters %s to %s; left out: %d sent before, %d without the whole"
                                + " original, %d other records",
                        result.sent(),
                        dryRun ? "would be sent" : "sent",
                        topics.prompts(),
                        result.sentBefore(),
                        result.incomplete(),
                        result.skipped());
        return result.moved() == 0
                ? text
                : text
                        + String.format(
                                "; of %d the topic no longer has the partition: they go where their key puts them",
                                result.moved());
    }

    /** ISO 8601, in UTC. */
    static final class InstantConverter implements ITypeConverter<Instant> {
        @Override
        public Instant convert(String text) {
            try {
                return Instant.parse(text);
            } catch (DateTimeParseException e) {
                throw new TypeConversionException(
                        text + ": must be a time in UTC, such as 2026-11-25T08:00:00Z");
            }
        }
    }
}
