package org.millrace.jobs;

import static org.millrace.jobs.JobArguments.set;

import org.apache.flink.configuration.Configuration;
import picocli.CommandLine.Option;

/** The command line's options about brokers and topics. */
public final class KafkaArguments {
    @Option(names = "--bootstrap-servers", paramLabel = "HOST:PORT,...", description = "Kafka brokers.")
    public String bootstrapServers;

    @Option(names = "--kafka-properties", paramLabel = "FILE", description = "Properties of Kafka's clients, such as SASL and SSL.")
    String kafkaProperties;

    @Option(names = "--prompts-topic", paramLabel = "NAME", description = "Topic to read (default: prompts).")
    String promptsTopic;

    @Option(names = "--tokens-topic", paramLabel = "NAME", description = "Topic of tokens (default: tokens).")
    String tokensTopic;

    @Option(names = "--completions-topic", paramLabel = "NAME", description = "Topic of answers (default: completions).")
    String completionsTopic;

    @Option(names = "--dead-letters-topic", paramLabel = "NAME", description = "Topic of what cannot be answered (default: dead-letters).")
    String deadLettersTopic;

    /** The same as a configuration, with nothing in it that was not given. */
    public Configuration toConfiguration() {
        Configuration config = new Configuration();
        addTo(config);
        return config;
    }

    void addTo(Configuration config) {
        set(config, MillraceOptions.BOOTSTRAP_SERVERS, bootstrapServers);
        set(config, MillraceOptions.KAFKA_PROPERTIES, kafkaProperties);
        set(config, MillraceOptions.PROMPTS_TOPIC, promptsTopic);
        set(config, MillraceOptions.TOKENS_TOPIC, tokensTopic);
        set(config, MillraceOptions.COMPLETIONS_TOPIC, completionsTopic);
        set(config, MillraceOptions.DEAD_LETTERS_TOPIC, deadLettersTopic);
    }
}
