// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.IOException;
import java.io.PrintStream;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.Callable;
import org.millrace.jobs.KafkaArguments;
import org.millrace.jobs.KafkaTopics;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace redrive}: dead letters back into the prompts topic. */
@Command(
        name = "redrive",
        mixinStandardHelpOptions = true,
        description = {
            "Sends the originals of dead letters to the prompts topic again, each once, however often it is run, to the partitions that they came from.",
            "Letters of another prompts topic are left alone; those that hold only a part of the original are left out and counted."
        })
public final class RedriveCommand implements Callable<Integer> {
    @Mixin private KafkaArguments kafka;

    @Option(
            names = "--reason",
            paramLabel = "REASON",
            split = ",",
            description = "Only these reasons, such as pool_too_small (default: all).")
    private Set<String> reasons = new LinkedHashSet<>();

    @Option(
            names = "--session",
            paramLabel = "ID",
            description = "Only this session; may be given several times (default: all).")
    private Set<String> sessions = new LinkedHashSet<>();

    @Option(
            names = "--from",
            paramLabel = "TIME",
            description = "Only letters written at or after, such as 2026-11-25T08:00:00Z.")
    private Instant from;

    @Option(names = "--to", paramLabel = "TIME", description = "Only letters written before.")
    private Instant to;

    @Option(names = "--dry-run", description = "Count, and send nothing.")
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
                "{\"dry_run\":%b,\"sent\":%d,\"sent_before\":%d,\"incomplete\":%d,\"moved\":%d}",
                dryRun,
                result.sent(),
                result.sentBefore(),
                result.incomplete(),
                result.moved());
    }

    private String text(Redrive.Result result, KafkaTopics topics) {
        String text =
                String.format(
                        "%d dead letters %s to %s; %d were sent before, %d do not hold all of the original",
                        result.sent(),
                        dryRun ? "would go" : "went",
                        topics.prompts(),
                        result.sentBefore(),
                        result.incomplete());
        return result.moved() == 0
                ? text
                : text
                        + String.format(
                                "; of %d the topic no longer has the partition: they go where their key puts them",
                                result.moved());
    }
}
