// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static java.util.Map.entry;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.flink.annotation.Experimental;
import org.apache.flink.annotation.Internal;
import org.apache.flink.annotation.Public;
import org.apache.flink.annotation.PublicEvolving;
import org.junit.jupiter.api.Test;

/**
 * Flink promises nothing of its internal classes from one release to the next: those that we use
 * are listed, each with its reason.
 */
class FlinkInternalsTest {
    private static final String FLINK = "org.apache.flink.";

    /** Names without {@link #FLINK}. */
    private static final Map<String, String> ALLOWED =
            Map.ofEntries(
                    entry(
                            "configuration.PipelineOptionsInternal",
                            "Has the id that a job gets where it is submitted, by which it knows its own restarts."),
                    entry(
                            "api.common.typeutils.base.IntSerializer",
                            "Numbers in the job's state: its bytes are part of the state's format."),
                    entry(
                            "api.common.typeutils.base.LongSerializer",
                            "Keys of map state: its bytes are part of the state's format."),
                    entry(
                            "api.common.typeutils.base.StringSerializer",
                            "Session ids in state: its bytes are part of the state's format."),
                    entry(
                            "api.common.typeutils.base.TypeSerializerSingleton",
                            "Base of serializers that have no settings; Flink has no public one."),
                    entry(
                            "api.dag.Transformation",
                            "Only there can an operator ask for managed memory."),
                    entry(
                            "core.memory.ManagedMemoryUseCase",
                            "Says that the page pool is managed memory of an operator."),
                    entry(
                            "metrics.MeterView",
                            "Rates of counters; the interface Meter has no other."),
                    entry("util.ExceptionUtils", "Finds a cause in a chain of exceptions."),
                    entry(
                            "connector.kafka.sink.KafkaCommittable",
                            "What a sink that sends once hands from its writer to its committer."),
                    entry(
                            "connector.kafka.sink.KafkaWriterState",
                            "State of the Kafka sink's writer, which our sink wraps."),
                    entry(
                            "runtime.checkpoint.Checkpoints",
                            "Reads a savepoint's metadata, to check its files before the job."),
                    entry(
                            "runtime.checkpoint.OperatorState",
                            "What that metadata has for each operator."),
                    entry(
                            "runtime.checkpoint.OperatorSubtaskState",
                            "What that metadata has for each subtask."),
                    entry(
                            "runtime.checkpoint.StateObjectCollection",
                            "State handles of a subtask in that metadata."),
                    entry(
                            "runtime.checkpoint.metadata.CheckpointMetadata",
                            "The metadata of a savepoint itself."),
                    entry(
                            "runtime.state.CompletedCheckpointStorageLocation",
                            "Where the metadata of a savepoint lies."),
                    entry(
                            "runtime.state.filesystem.AbstractFsCheckpointStorageAccess",
                            "Finds a savepoint by its path as Flink does."),
                    entry(
                            "runtime.state.IncrementalKeyedStateHandle$HandleAndLocalPath",
                            "One of these files."),
                    entry(
                            "runtime.state.IncrementalRemoteKeyedStateHandle",
                            "Shared and private files of an incremental checkpoint."),
                    entry(
                            "runtime.state.KeyGroupsStateHandle",
                            "The file of a full checkpoint or savepoint."),
                    entry("runtime.state.KeyedStateHandle", "Common type of these handles."),
                    entry("runtime.state.StreamStateHandle", "A file with its path and size."),
                    entry(
                            "runtime.state.filemerging.SegmentFileStateHandle",
                            "A part of a file that several subtasks share."),
                    entry(
                            "runtime.state.KeyedStateBackend",
                            "Sets the key outside of a record, and walks over all keys of a"
                                    + " state."),
                    entry(
                            "runtime.state.VoidNamespace",
                            "Namespace of state and timers that have none."),
                    entry("runtime.state.VoidNamespaceSerializer", "Serializer of that namespace."),
                    entry(
                            "runtime.execution.Environment",
                            "The way to memory manager, input gates and result partitions."),
                    entry(
                            "runtime.taskmanager.TaskManagerRuntimeInfo",
                            "Temporary directories, where a remote model is copied to."),
                    entry(
                            "runtime.memory.MemoryManager",
                            "Reserves the page pool's bytes of managed memory."),
                    entry(
                            "runtime.memory.MemoryReservationException",
                            "Thrown where these bytes cannot be had."),
                    entry(
                            "runtime.io.network.api.writer.ResultPartitionWriter",
                            "Says whether the output takes records, so that no step waits for it."),
                    entry(
                            "runtime.io.network.partition.consumer.IndexedInputGate",
                            "Says whether input waits, which goes before a step."),
                    entry(
                            "runtime.metrics.DescriptiveStatisticsHistogram",
                            "Histograms as Flink's own; the public interface has no"
                                    + " implementation."),
                    entry(
                            "runtime.throwable.ThrowableAnnotation",
                            "Marks exceptions that no restart can mend."),
                    entry("runtime.throwable.ThrowableType", "What that mark says."),
                    entry(
                            "streaming.api.graph.StreamConfig",
                            "A parameter of an operator's setup."),
                    entry(
                            "streaming.api.operators.InternalTimeServiceManager",
                            "Advances timers where the operator itself sends the watermark."),
                    entry(
                            "streaming.api.operators.InternalTimer",
                            "A timer that is due, with its session."),
                    entry(
                            "streaming.api.operators.InternalTimerService",
                            "Timers of an operator that is no process function."),
                    entry(
                            "streaming.api.operators.OneInputStreamOperatorFactory",
                            "An operator that gets the mailbox is made by a factory."),
                    entry(
                            "streaming.api.operators.StreamingRuntimeContext",
                            "Index and parallelism of the subtask."),
                    entry("streaming.api.operators.Triggerable", "Is told of timers that are due."),
                    entry(
                            "streaming.api.operators.sorted.state.BatchExecutionKeyedStateBackend",
                            "Tells that the job runs in BATCH mode, which is refused."),
                    entry(
                            "streaming.runtime.streamrecord.StreamRecord",
                            "What an operator takes in and sends: a record with its timestamp."),
                    entry(
                            "streaming.runtime.tasks.ProcessingTimeService",
                            "The clock that deadlines go by."),
                    entry(
                            "streaming.runtime.tasks.StreamTask",
                            "A parameter of an operator's setup."),
                    entry(
                            "streaming.runtime.tasks.mailbox.MailboxExecutorImpl",
                            "Tells whether other mail waits, which goes before a step."),
                    entry(
                            "streaming.runtime.watermarkstatus.WatermarkStatus",
                            "Keeps the output active while a turn is unfinished."));

    private static final DescribedPredicate<JavaClass> IN_INTERNAL_PACKAGES =
            resideInAnyPackage(
                    "org.apache.flink.runtime..",
                    "org.apache.flink.streaming.api.operators..",
                    "org.apache.flink.streaming.runtime..",
                    "org.apache.flink.connector.kafka.sink.internal..");

    @Test
    void internalClassesAreListed() {
        // Annotations are in Flink's own classes.
        ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(true);
        JavaClasses classes =
                new ClassFileImporter()
                        .withImportOption(new ImportOption.DoNotIncludeTests())
                        .importPackages("org.millrace.operators", "org.millrace.jobs");
        ArchConfiguration.get().reset();
        Set<String> used =
                classes.stream()
                        .flatMap(user -> user.getDirectDependenciesFromSelf().stream())
                        .map(dependency -> dependency.getTargetClass().getBaseComponentType())
                        .filter(FlinkInternalsTest::isInternal)
                        .map(internal -> internal.getName().substring(FLINK.length()))
                        .collect(toSet());
        assertThat(used).containsExactlyInAnyOrderElementsOf(ALLOWED.keySet());
    }

    private static boolean isInternal(JavaClass used) {
        return used.getName().startsWith(FLINK)
                && withEnclosing(used).noneMatch(FlinkInternalsTest::isPromised)
                && (IN_INTERNAL_PACKAGES.test(used)
                        || withEnclosing(used).anyMatch(c -> c.isAnnotatedWith(Internal.class)));
    }

    private static boolean isPromised(JavaClass used) {
        return used.isAnnotatedWith(Public.class)
                || used.isAnnotatedWith(PublicEvolving.class)
                || used.isAnnotatedWith(Experimental.class);
    }

    private static Stream<JavaClass> withEnclosing(JavaClass inner) {
        return Stream.iterate(
                        Optional.of(inner),
                        Optional::isPresent,
                        c -> c.flatMap(JavaClass::getEnclosingClass))
                .map(Optional::get);
    }
}
