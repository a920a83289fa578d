// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import static org.millrace.jobs.JobArguments.set;

import java.io.IOException;
import java.util.Properties;
import org.apache.flink.configuration.Configuration;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line's options about brokers and topics. */
public final class KafkaArguments {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--bootstrap-servers",
            paramLabel = "HOST:PORT,...",
            description = "Kafka brokers.")
    public String bootstrapServers;

    @Option(
            names = "--kafka-properties",
            paramLabel = "FILE",
            description = "Properties of Kafka's clients, such as SASL and SSL.")
    String kafkaProperties;

    @Option(
            names = "--schema-registry",
            paramLabel = "URL",
            description =
                    "Schema Registry: records have Confluent's wire format (default: none, Avro's single-object encoding).")
    String schemaRegistry;

    @Option(
            names = "--prompts-topic",
            paramLabel = "NAME",
            description = "Topic to read (default: prompts).")
    String promptsTopic;

    @Option(
            names = "--tokens-topic",
            paramLabel = "NAME",
            description = "Topic of tokens (default: tokens).")
    String tokensTopic;

    @Option(
            names = "--completions-topic",
            paramLabel = "NAME",
            description = "Topic of answers (default: completions).")
    String completionsTopic;

    @Option(
            names = "--dead-letters-topic",
            paramLabel = "NAME",
            description = "Topic of what cannot be answered (default: dead-letters).")
    String deadLettersTopic;

    /** The same as a configuration, with nothing in it that was not given. */
    private Configuration toConfiguration() {
        Configuration config = new Configuration();
        addTo(config);
        return config;
    }

    /**
     * Properties of Kafka's clients.
     *
     * @throws ParameterException if no brokers are given, or two topics are the same
     */
    public Properties clientProperties() throws IOException {
        Configuration config = toConfiguration();
        try {
            KafkaTopics.of(config);
            return KafkaProperties.load(config);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }

    /** Names of the topics. */
    public KafkaTopics topics() {
        return KafkaTopics.of(toConfiguration());
    }

    void addTo(Configuration config) {
        set(config, MillraceOptions.BOOTSTRAP_SERVERS, bootstrapServers);
        set(config, MillraceOptions.KAFKA_PROPERTIES, kafkaProperties);
        set(config, MillraceOptions.SCHEMA_REGISTRY_URL, schemaRegistry);
        set(config, MillraceOptions.PROMPTS_TOPIC, promptsTopic);
        set(config, MillraceOptions.TOKENS_TOPIC, tokensTopic);
        set(config, MillraceOptions.COMPLETIONS_TOPIC, completionsTopic);
        set(config, MillraceOptions.DEAD_LETTERS_TOPIC, deadLettersTopic);
    }
}
