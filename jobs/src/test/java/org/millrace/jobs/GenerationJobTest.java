// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.client.program.ProgramParametrizationException;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.state.rocksdb.RocksDBOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.millrace.operators.GenerationOptions;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompactionStyle;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.RocksDB;

class GenerationJobTest {
    @Test
    void defaultsGiveWayToWhatIsConfigured() {
        Configuration configured = new Configuration();
        configured.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(30));
        Configuration defaults = JobDefaults.missingIn(configured);
        assertThat(defaults.contains(CheckpointingOptions.CHECKPOINTING_INTERVAL)).isFalse();
        assertThat(defaults.get(StateBackendOptions.STATE_BACKEND)).isEqualTo("rocksdb");
        assertThat(defaults.get(CheckpointingOptions.ENABLE_UNALIGNED)).isTrue();
        assertThat(defaults.get(CheckpointingOptions.TOLERABLE_FAILURE_NUMBER))
                .isEqualTo(Integer.MAX_VALUE);
    }

    @Test
    void rocksDbMergesSeldom() {
        String factory =
                JobDefaults.missingIn(new Configuration()).get(RocksDBOptions.OPTIONS_FACTORY);
        assertThat(factory).isEqualTo(WriteOnceOptions.class.getName());
        RocksDB.loadLibrary();
        try (DBOptions options = new DBOptions()) {
            new WriteOnceOptions().createDBOptions(options, new ArrayList<>());
            assertThat(options.atomicFlush()).isTrue();
            assertThat(options.allowMmapReads()).isTrue();
        }
        try (ColumnFamilyOptions options = new ColumnFamilyOptions()) {
            new WriteOnceOptions().createColumnOptions(options, new ArrayList<>());
            assertThat(options.level0FileNumCompactionTrigger())
                    .isEqualTo(WriteOnceOptions.FILES_BEFORE_MERGE);
            assertThat(options.level0SlowdownWritesTrigger())
                    .isGreaterThan(WriteOnceOptions.FILES_BEFORE_MERGE);
            assertThat(options.compactionStyle()).isEqualTo(CompactionStyle.UNIVERSAL);
            assertThat(options.compressionPerLevel())
                    .containsExactly(CompressionType.NO_COMPRESSION);
        }
    }

    @Test
    void equalTopicsAreRefused() {
        Configuration config = new Configuration();
        config.set(MillraceOptions.TOKENS_TOPIC, "prompts");
        assertThatThrownBy(() -> KafkaTopics.of(config)).hasMessageContaining("topics must differ");
    }

    @Test
    void largeRecordsCanBeWritten() {
        Properties kafka = new Properties();
        kafka.setProperty("bootstrap.servers", "a:1");
        assertThat(OutputSinks.producer(kafka))
                .containsEntry("bootstrap.servers", "a:1")
                .containsEntry("max.request.size", "8388608");
        kafka.setProperty("max.request.size", "1000");
        assertThat(OutputSinks.producer(kafka)).containsEntry("max.request.size", "1000");
        KafkaTopics topics = KafkaTopics.of(new Configuration());
        assertThat(topics.newTopic("dead-letters", 1).configs())
                .containsEntry("max.message.bytes", "8388608");
        assertThat(topics.newTopic("prompts", 1).configs()).isNull();
    }

    @Test
    void budgetsAreNumbersOfTokens() {
        Configuration config =
                JobArguments.parse("-Dmillrace.tenant-budgets=alice:100000,bob:0").orElseThrow();
        assertThat(TenantSettings.tenantBudgets(config))
                .containsExactly(Map.entry("alice", 100_000L), Map.entry("bob", 0L));
        config.set(MillraceOptions.TENANT_BUDGETS, Map.of("alice", "-1"));
        assertThatThrownBy(() -> TenantSettings.tenantBudgets(config))
                .hasMessageContaining("millrace.tenant-budgets: tenant=alice, tokens=-1");
        config.set(MillraceOptions.TENANT_BUDGET_PERIOD, Duration.ZERO);
        assertThatThrownBy(() -> TenantSettings.tenantBudgetPeriodMillis(config))
                .hasMessageContaining("millrace.tenant-budget-period: millis=0");
    }

    @Test
    void unknownOptionsAreNamedWithTheNearest() {
        assertThatThrownBy(() -> JobArguments.parse("-Dmillrace.kv-typ=f16"))
                .isInstanceOf(ProgramParametrizationException.class)
                .hasMessageContaining(
                        "unknown option millrace.kv-typ; did you mean millrace.kv-type?");
        Configuration file = new Configuration();
        file.setString("millrace.topic.promts", "p");
        assertThatThrownBy(() -> GenerationJob.build(new StreamExecutionEnvironment(file)))
                .hasMessageContaining(
                        "millrace.topic.promts; did you mean millrace.topics.prompts?");
        Configuration known =
                JobArguments.parse("-Dmillrace.tenant-budgets.alice=5", "-Dstate.backend.typ=x")
                        .orElseThrow();
        assertThat(TenantSettings.tenantBudgets(known)).containsExactly(Map.entry("alice", 5L));
    }

    /** Flink's client prints the message of this exception and nothing else. */
    @Test
    void wrongUsageIsAText() {
        assertThatThrownBy(() -> JobArguments.parse("--modle", "m"))
                .isInstanceOf(ProgramParametrizationException.class)
                .hasMessageContaining("--modle");
    }

    @ParameterizedTest
    @CsvSource({
        "--parallelism, x, 'x: must be a whole number, at least 1'",
        "--parallelism, 0, '0: must be a whole number, at least 1'",
        "--checkpoint-interval, 5x, '5x: must be a time with a unit, such as 500ms, 10s or 5min'",
        "--delivery, twice, 'twice: must be exactly-once or at-least-once'",
        "--device, x, 'must be auto, cuda, cuda:N, cpu or reference'"
    })
    void wrongValuesAreNamedWithoutTypesOfJava(String option, String value, String problem) {
        assertThatThrownBy(() -> JobArguments.parse(option, value))
                .hasMessage("Invalid value for option '" + option + "': " + problem);
    }

    @Test
    void argumentsBecomeOptions() {
        Configuration config =
                JobArguments.parse(
                                "--model",
                                "m.gguf",
                                "--kv-type",
                                "int8",
                                "--delivery",
                                "at-least-once",
                                "--checkpoint-interval",
                                "500ms",
                                "-Dmillrace.threads=3",
                                "--bootstrap-servers",
                                "a:1")
                        .orElseThrow();
        assertThat(config.get(GenerationOptions.MODEL)).isEqualTo("m.gguf");
        assertThat(config.get(GenerationOptions.KV_TYPE)).hasToString("INT8");
        assertThat(config.get(MillraceOptions.DELIVERY))
                .isEqualTo(MillraceOptions.Delivery.AT_LEAST_ONCE);
        assertThat(config.get(CheckpointingOptions.CHECKPOINTING_INTERVAL))
                .isEqualTo(Duration.ofMillis(500));
        assertThat(config.get(GenerationOptions.THREADS)).isEqualTo(3);
        assertThat(config.get(MillraceOptions.BOOTSTRAP_SERVERS)).isEqualTo("a:1");
        assertThat(
                        JobArguments.parse("-Dmillrace.delivery=at-least-once")
                                .orElseThrow()
                                .get(MillraceOptions.DELIVERY))
                .isEqualTo(MillraceOptions.Delivery.AT_LEAST_ONCE);
    }

    @Test
    void helpIsNoJob() throws Exception {
        assertThat(JobArguments.parse("--help")).isEmpty();
        GenerationJob.main(new String[] {"--help"});
    }

    @Test
    void shownOptionsTellNoSecrets() {
        Configuration config = new Configuration();
        config.set(GenerationOptions.MODEL, "m.gguf");
        config.setString("s3.secret-key", "hush");
        Properties kafka = new Properties();
        kafka.setProperty("bootstrap.servers", "a:1");
        kafka.setProperty("sasl.jaas.config", "hush");
        assertThat(ShownOptions.of(config, kafka).toMap())
                .containsEntry("millrace.model", "m.gguf")
                .containsEntry("kafka.bootstrap.servers", "a:1")
                .containsKey("kafka.sasl.jaas.config")
                .doesNotContainValue("hush");
    }
}
