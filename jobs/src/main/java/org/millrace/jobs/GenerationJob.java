// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.PipelineOptionsInternal;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamSink;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.admin.Admin;
import org.millrace.jobs.decode.DecodeFunction;
import org.millrace.jobs.registry.WireFormats;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.Journal;
import org.millrace.operators.MillraceGeneration;
import org.millrace.operators.OutputTags;
import org.millrace.operators.Prompt;
import org.millrace.operators.TenantBudgets;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.WireFormat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The job: prompts from Kafka, generation, tokens, completions and dead letters to Kafka. Wiring
 * only.
 *
 * <pre>
 *   prompts -> decode -> keyBy(session) -> generate -> tokens (at least once)
 *                 |                            |
 *                 +------ dead letters --------+-----> send once -> completions and dead letters
 * </pre>
 *
 * Where tenants have budgets, they are between decode and generate, keyed by tenant; so is what
 * looks for sessions in two partitions, where it is asked for.
 */
public final class GenerationJob {
    private static final Logger LOG = LoggerFactory.getLogger(GenerationJob.class);

    /** Name and uid of the operator, the same in every job so that savepoints fit. */
    static final String GENERATION = "generate";

    private GenerationJob() {}

    /**
     * Puts the job into {@code env}, whose configuration says all about it. Creates topics that are
     * missing.
     *
     * @throws IllegalArgumentException if an option is missing, unknown or out of place, naming it
     * @throws NotAllowedException if the job needs ACLs that its principal does not have
     * @throws IOException if the brokers or the Schema Registry cannot be asked
     */
    public static void build(StreamExecutionEnvironment env) throws IOException {
        env.configure(JobDefaults.missingIn(env.getConfiguration()));
        ReadableConfig config = env.getConfiguration();
        OptionNames.check(config.toMap().keySet());
        SupportedSettings.check(config);
        SavepointFiles.check(config);
        KafkaTopics topics = KafkaTopics.of(config);
        Properties kafka = connect(config, topics);
        env.getConfig().setGlobalJobParameters(ShownOptions.of(config, kafka));
        refuseSecondJob(config, topics, kafka);
        WireFormat format = format(kafka, topics);

        SingleOutputStreamOperator<Prompt> prompts =
                env.fromSource(
                                PromptSource.of(config, topics, kafka),
                                PromptSource.watermarks(hasLogAppendTime(config, kafka, topics)),
                                "prompts")
                        .uid("prompts")
                        .process(new DecodeFunction(format))
                        .name("decode")
                        .uid("decode");
        DataStream<OutputRecord> deadLetters = prompts.getSideOutput(DecodeFunction.DEAD_LETTERS);
        MillraceOptions.SessionPartitions partitions =
                config.get(MillraceOptions.SESSION_PARTITIONS);
        if (partitions != MillraceOptions.SessionPartitions.UNCHECKED) {
            prompts =
                    SessionPartitions.check(
                            prompts, partitions, config.get(GenerationOptions.SESSION_TTL));
        }
        Map<String, Long> budgets = TenantSettings.tenantBudgets(config);
        if (!budgets.isEmpty()) {
            prompts =
                    TenantBudgets.limit(
                            prompts, budgets, TenantSettings.tenantBudgetPeriodMillis(config));
            deadLetters =
                    deadLetters.union(
                            AnswerRecords.deadLetters(
                                    prompts.getSideOutput(OutputTags.DEAD_LETTERS)));
        }
        MillraceGeneration generation = generation(prompts, config);
        // Not chained: a sink that waits for Kafka must not hold up the next step.
        AnswerRecords.tokens(generation)
                .sinkTo(OutputSinks.atLeastOnce(topics, kafka, format))
                .disableChaining()
                .name("tokens")
                .uid("tokens");
        sendAnswers(
                AnswerRecords.completions(generation)
                        .union(AnswerRecords.deadLetters(generation.deadLetters()), deadLetters),
                config,
                topics,
                kafka,
                format);
    }

    private static MillraceGeneration generation(
            DataStream<Prompt> prompts, ReadableConfig config) {
        MillraceGeneration.Builder generation =
                MillraceGeneration.of(prompts).uid(GENERATION).options(config);
        config.getOptional(MillraceOptions.JOURNAL)
                .ifPresent(file -> generation.listener(Journal.in(file)));
        return generation.build();
    }

    private static void sendAnswers(
            DataStream<OutputRecord> answers,
            ReadableConfig config,
            KafkaTopics topics,
            Properties kafka,
            WireFormat format) {
        DataStreamSink<OutputRecord> sink;
        if (config.get(MillraceOptions.DELIVERY) == MillraceOptions.Delivery.AT_LEAST_ONCE) {
            sink = answers.sinkTo(OutputSinks.atLeastOnce(topics, kafka, format));
        } else {
            String transactions = transactions(config, topics);
            sink =
                    SendOnce.filter(
                                    answers,
                                    topics,
                                    kafka,
                                    transactions,
                                    config.get(MillraceOptions.ALLOW_TOPIC_CHANGE))
                            .sinkTo(OutputSinks.exactlyOnce(topics, kafka, format, transactions))
                            .setParallelism(1);
        }
        sink.name("completions and dead letters").uid("completions");
    }

    /** What the names of a job's transactions begin with; one job at a time may have it. */
    static String transactions(ReadableConfig config, KafkaTopics topics) {
        return config.get(PipelineOptions.NAME) + "-" + topics.completions();
    }

    private static Properties connect(ReadableConfig config, KafkaTopics topics)
            throws IOException {
        Properties kafka = KafkaProperties.load(config);
        LOG.info("Kafka clients: {}", KafkaProperties.masked(kafka));
        try (Admin admin = Admin.create(kafka)) {
            Permissions.check(admin, config, topics);
            Map<String, Integer> partitions =
                    topics.createMissing(admin, config.get(MillraceOptions.PARTITIONS));
            LOG.info("Partitions of topics: {}", partitions);
            if (!kafka.containsKey(OutputSinks.TRANSACTION_TIMEOUT)) {
                kafka.setProperty(
                        OutputSinks.TRANSACTION_TIMEOUT,
                        Long.toString(KafkaTopics.maxTransactionTimeoutMillis(admin)));
            }
        } catch (IOException e) {
            throw new IOException(
                    "brokers=" + kafka.getProperty("bootstrap.servers") + ": " + e.getMessage(), e);
        }
        return kafka;
    }

    /** Here, where somebody reads it; {@link SendOnce} looks again when the job runs. */
    private static void refuseSecondJob(ReadableConfig config, KafkaTopics topics, Properties kafka)
            throws IOException {
        if (config.get(MillraceOptions.DELIVERY) == MillraceOptions.Delivery.AT_LEAST_ONCE) {
            return;
        }
        // Known where a JobManager that takes over builds its application's job again.
        Optional<JobID> own =
                config.getOptional(PipelineOptionsInternal.PIPELINE_FIXED_JOB_ID)
                        .map(JobID::fromHexString);
        JobPresence.awaitOthersGone(kafka, transactions(config, topics), own);
    }

    /**
     * Schemas are registered where the job is submitted, not by its tasks: their ids are part of
     * the job, so that a restart changes no byte and needs no registry to write.
     */
    private static WireFormat format(Properties kafka, KafkaTopics topics) throws IOException {
        return WireFormats.writing(
                kafka,
                Map.of(
                        RecordCodec.TOKEN_DELTA,
                        topics.tokens(),
                        RecordCodec.COMPLETION,
                        topics.completions(),
                        RecordCodec.DEAD_LETTER,
                        topics.deadLetters()));
    }

    /** Asks only where it matters: reading a topic's settings takes a permission of its own. */
    private static boolean hasLogAppendTime(
            ReadableConfig config, Properties kafka, KafkaTopics topics) throws IOException {
        if (config.get(GenerationOptions.SESSION_TTL).isZero()
                && config.get(GenerationOptions.IDLE_COMPACTION).isZero()) {
            return false;
        }
        try (Admin admin = Admin.create(kafka)) {
            return topics.promptsHaveLogAppendTime(admin);
        }
    }

    /** Entry of {@code flink run}: the options of {@code millrace run} that concern the job. */
    public static void main(String[] args) throws Exception {
        Optional<Configuration> options = JobArguments.parse(args);
        if (options.isPresent()) {
            StreamExecutionEnvironment env =
                    StreamExecutionEnvironment.getExecutionEnvironment(options.get());
            build(env);
            env.execute();
        }
    }
}
