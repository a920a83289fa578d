// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.e2e.TestCluster;
import org.millrace.operators.GenerationOptions;

/** The proof can fail: each of these faults is found. */
@Tag("nightly")
class ChaosFindsFaultsITCase {
    private static final String SLOTS_WRITTEN = "SavedCache saved = cache.save(slotSink());";
    private static final String SLOTS_FORGOTTEN =
            """
            SavedCache saved = cache.save(new SlotSink() {
                @Override public void write(long id, byte[] entry) {}
                @Override public void delete(long id) {}
            });
            """;

    /** What a split is stored as, in the source's state: here without how far it was read. */
    private static final String OFFSETS_FORGOTTEN =
            """
            package org.apache.flink.connector.kafka.source.split;

            import java.nio.charset.StandardCharsets;
            import org.apache.flink.core.io.SimpleVersionedSerializer;
            import org.apache.kafka.common.TopicPartition;

            public class KafkaPartitionSplitSerializer
                    implements SimpleVersionedSerializer<KafkaPartitionSplit> {
                @Override public int getVersion() {
                    return 0;
                }

                @Override public byte[] serialize(KafkaPartitionSplit split) {
                    return (split.getPartition() + " " + split.getTopic())
                            .getBytes(StandardCharsets.UTF_8);
                }

                @Override public KafkaPartitionSplit deserialize(int version, byte[] bytes) {
                    String[] words = new String(bytes, StandardCharsets.UTF_8).split(" ");
                    return new KafkaPartitionSplit(
                            new TopicPartition(words[1], Integer.parseInt(words[0])),
                            KafkaPartitionSplit.EARLIEST_OFFSET);
                }
            }
            """;

    @TempDir private Path directory;

    /** Two faults in one build, to save time: alone, each makes its own finding only. */
    @Test
    void slotsAreComputedAgainAndTokensChangeIfNeitherNewSlotsNorSeedsAreRestored()
            throws Exception {
        String withoutSlots =
                BrokenBuild.compile(
                        directory,
                        "operators/src/main/java/org/millrace/operators/state/SessionStateManager.java",
                        SLOTS_WRITTEN,
                        SLOTS_FORGOTTEN);
        String classPath =
                BrokenBuild.compile(
                        directory,
                        "engine/src/main/java/org/millrace/engine/batch/SavedSequence.java",
                        "long seed = in.readLong();",
                        "long seed = in.readLong() + 1;");
        assertThat(classPath).as("both go to one directory").isEqualTo(withoutSlots);
        ChaosReport report = run(Phase.CHECKPOINT, classPath);
        assertThat(report.audit().promptTokensRecomputed()).isPositive();
        assertThat(report.verdict().changed()).isNotEmpty();
        assertThat(report.isClean()).isFalse();
    }

    @Test
    void promptsAreAnsweredAgainIfOffsetsAreNotInTheCheckpoint() throws Exception {
        String classPath =
                BrokenBuild.compile(
                        directory, "KafkaPartitionSplitSerializer.java", OFFSETS_FORGOTTEN);
        ChaosReport report = run(Phase.COMMIT, classPath);
        assertThat(report.verdict().doubled()).isNotEmpty();
        assertThat(report.isClean()).isFalse();
    }

    private ChaosReport run(Phase phase, String classPath) throws Exception {
        Configuration options = new Configuration();
        options.set(GenerationOptions.MODEL, TestCluster.tinyModel());
        options.set(GenerationOptions.KERNELS, "reference");
        List<KillPlan.Kill> plan = List.of(new KillPlan.Kill(FaultKind.TASKMANAGER, phase));
        return new ChaosRun(options, 1, kinds -> plan, line -> {})
                .run(Files.createDirectories(directory.resolve("work")), classPath);
    }
}
