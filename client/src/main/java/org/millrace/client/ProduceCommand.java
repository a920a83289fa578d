// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.IOException;
import java.io.PrintStream;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import org.millrace.jobs.KafkaArguments;
import org.millrace.jobs.KafkaTopics;
import org.millrace.schemas.PromptRequest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace produce}: prompts into their topic. */
@Command(
        name = "produce",
        mixinStandardHelpOptions = true,
        description = "Sends prompts to their topic, one JSON object per line.")
public final class ProduceCommand implements Callable<Integer> {
    @Mixin private KafkaArguments kafka;

    @Parameters(
            paramLabel = "FILE.jsonl",
            defaultValue = "-",
            description = "File with the prompts, or - for standard input (default: -).")
    private String file;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    private final PrintStream out;

    public ProduceCommand() {
        this(System.out);
    }

    ProduceCommand(PrintStream out) {
        this.out = out;
    }

    @Override
    public Integer call() throws IOException {
        Properties properties = kafka.clientProperties();
        KafkaTopics topics = kafka.topics();
        int published = publish(properties, topics.prompts());
        out.println(
                json
                        ? "{\"topic\":\"" + topics.prompts() + "\",\"published\":" + published + "}"
                        : published + " requests published to " + topics.prompts());
        return 0;
    }

    /** Each line is sent when it is read, so that a pipe can feed a running job. */
    private int publish(Properties properties, String topic) throws IOException {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        int published = 0;
        try (PromptReader reader = PromptReader.open(file);
                PromptPublisher publisher = new PromptPublisher(properties, topic)) {
            for (PromptRequest request = reader.next(); request != null; request = reader.next()) {
                publisher
                        .publish(request)
                        .exceptionally(
                                problem -> {
                                    failure.compareAndSet(null, problem);
                                    return null;
                                });
                published++;
                check(failure.get(), topic);
            }
            publisher.flush();
            check(failure.get(), topic);
        }
        return published;
    }

    private static void check(Throwable failure, String topic) throws IOException {
        if (failure != null) {
            throw new IOException(
                    "cannot publish to " + topic + ": " + failure.getMessage(), failure);
        }
    }
}
