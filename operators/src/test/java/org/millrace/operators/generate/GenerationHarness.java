// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.flink.api.common.typeutils.base.StringSerializer;
import org.apache.flink.core.memory.ManagedMemoryUseCase;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.operators.testutils.MockEnvironment;
import org.apache.flink.runtime.operators.testutils.MockEnvironmentBuilder;
import org.apache.flink.runtime.state.AbstractKeyedStateBackend;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.runtime.state.storage.JobManagerCheckpointStorage;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.mailbox.Mail;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.util.OutputTag;
import org.millrace.operators.OutputTags;
import org.millrace.operators.OutputTypes;
import org.millrace.operators.Prompt;
import org.millrace.operators.RejectedPrompt;
import org.millrace.schemas.Completion;
import org.millrace.schemas.TokenDelta;

/** One subtask of the generation operator with everything real but the task around it. */
final class GenerationHarness implements AutoCloseable {
    static final int MAX_PARALLELISM = 128;

    private static final long MANAGED_BYTES = 64L << 20;

    private final MockEnvironment environment;
    private final OneInputStreamOperatorTestHarness<Prompt, Completion> harness;
    private final int parallelism;
    private final int subtask;
    private long checkpointId;

    GenerationHarness(Setup options, StateBackend backend, int parallelism, int subtask)
            throws Exception {
        this(options, backend, parallelism, subtask, MANAGED_BYTES);
    }

    GenerationHarness(
            Setup options, StateBackend backend, int parallelism, int subtask, long managedBytes)
            throws Exception {
        this.parallelism = parallelism;
        this.subtask = subtask;
        environment =
                new MockEnvironmentBuilder()
                        .setTaskName("generate")
                        .setManagedMemorySize(managedBytes)
                        .setMaxParallelism(MAX_PARALLELISM)
                        .setParallelism(parallelism)
                        .setSubtaskIndex(subtask)
                        .build();
        harness =
                new OneInputStreamOperatorTestHarness<>(
                        new GenerationOperatorFactory(options.settings(), options.listeners()),
                        environment);
        harness.getStreamConfig().setStatePartitioner(0, Prompt.BY_SESSION);
        harness.getStreamConfig().setStateKeySerializer(StringSerializer.INSTANCE);
        harness.setStateBackend(backend);
        harness.setCheckpointStorage(new JobManagerCheckpointStorage(256 << 20));
        harness.getStreamConfig()
                .setManagedMemoryFractionOperatorOfUseCase(ManagedMemoryUseCase.OPERATOR, 0.5);
        harness.getStreamConfig()
                .setManagedMemoryFractionOperatorOfUseCase(ManagedMemoryUseCase.STATE_BACKEND, 0.5);
        harness.getStreamConfig().serializeAllConfigs();
        harness.setup(
                OutputTypes.COMPLETION.createSerializer(
                        harness.getExecutionConfig().getSerializerConfig()));
    }

    GenerationHarness open() throws Exception {
        harness.open();
        return this;
    }

    /** Restores this subtask's part of {@code state}, which was taken at {@code oldParallelism}. */
    GenerationHarness open(OperatorSubtaskState state, int oldParallelism, long checkpoint)
            throws Exception {
        OperatorSubtaskState part =
                OneInputStreamOperatorTestHarness.repartitionOperatorState(
                        state, MAX_PARALLELISM, oldParallelism, parallelism, subtask);
        harness.setRestoredCheckpointId(checkpoint);
        harness.initializeState(part);
        harness.open();
        return this;
    }

    /** Sends a prompt of event time 1000. */
    void send(Prompt prompt) throws Exception {
        send(new Prompts.Stamped(prompt, 1000));
    }

    void send(Prompts.Stamped stamped) throws Exception {
        harness.processElement(new StreamRecord<>(stamped.prompt(), stamped.timestampMillis()));
    }

    /** Runs one mail; false if there is none. */
    boolean runMail() throws Exception {
        Optional<Mail> mail = harness.getTaskMailbox().tryTake(TaskMailbox.MIN_PRIORITY);
        if (mail.isPresent()) {
            mail.get().run();
        }
        return mail.isPresent();
    }

    /** Runs mails until none is left. */
    int runAll() throws Exception {
        int mails = 0;
        while (runMail()) {
            mails++;
        }
        return mails;
    }

    /** Runs mails until there are so many tokens. */
    void runUntilTokens(int count) throws Exception {
        while (tokens().size() < count && runMail()) {
            Thread.onSpinWait();
        }
    }

    OperatorSubtaskState snapshot() throws Exception {
        checkpointId++;
        return harness.snapshot(checkpointId, 0);
    }

    void watermarkMillis(long timestampMillis) throws Exception {
        harness.processWatermark(timestampMillis);
    }

    OneInputStreamOperatorTestHarness<Prompt, Completion> flink() {
        return harness;
    }

    /**
     * Entries of all keyed states, each entry of a map counted as one of its state. HashMap backend
     * only.
     */
    int stateEntries() {
        return ((AbstractKeyedStateBackend<?>) harness.getOperator().getKeyedStateBackend())
                .numKeyValueStateEntries();
    }

    List<Completion> completions() {
        return harness.extractOutputValues();
    }

    List<TokenDelta> tokens() {
        return side(OutputTags.TOKENS);
    }

    List<RejectedPrompt> deadLetters() {
        return side(OutputTags.DEAD_LETTERS);
    }

    private <T> List<T> side(OutputTag<T> tag) {
        Collection<StreamRecord<T>> records = harness.getSideOutput(tag);
        return records == null ? List.of() : records.stream().map(StreamRecord::getValue).toList();
    }

    /** What must be the same after a failure, by session and request. */
    static TreeMap<String, List<Object>> comparable(Collection<Completion> completions) {
        TreeMap<String, List<Object>> all = new TreeMap<>();
        for (Completion c : completions) {
            List<Object> fields =
                    new ArrayList<>(
                            List.of(
                                    c.getText(),
                                    c.getTokenIds(),
                                    c.getFinishReason(),
                                    c.getUsage(),
                                    c.getLogprobs(),
                                    c.getModelFingerprint(),
                                    c.getRepeated()));
            if (all.put(c.getSessionId() + "/" + c.getRequestId(), fields) != null) {
                throw new AssertionError("answered twice: " + c);
            }
        }
        return all;
    }

    @Override
    public void close() {
        try {
            harness.close();
            environment.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
