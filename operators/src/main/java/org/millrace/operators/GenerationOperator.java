// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.OptionalLong;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.StringSerializer;
import org.apache.flink.core.memory.ManagedMemoryUseCase;
import org.apache.flink.runtime.io.network.partition.consumer.IndexedInputGate;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.InternalTimer;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.operators.Triggerable;
import org.apache.flink.streaming.api.operators.sorted.state.BatchExecutionKeyedStateBackend;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.IOUtils;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.operators.state.SessionStateManager;

/**
 * Binds the step loop to Flink's life cycle: records, mails, snapshots, memory. Keyed by session
 * id.
 *
 * <p>{@link #endInput} is a safety net: it runs inside the task's default action, where checkpoints
 * are not taken. Bounded jobs keep their source open and stop with a savepoint.
 */
final class GenerationOperator extends AbstractStreamOperator<OutputRecord>
        implements OneInputStreamOperator<PromptEnvelope, OutputRecord>,
                BoundedOneInput,
                Triggerable<String, VoidNamespace> {
    private static final long serialVersionUID = 1L;

    /**
     * Fewest positions of one session that a pool must have room for, if the model's context is not
     * below.
     */
    private static final int MIN_SESSION_TOKENS = 256;

    private final transient GenerationOptions options;
    private final transient MailboxExecutor mailbox;
    private final transient Deque<AutoCloseable> resources = new ArrayDeque<>();
    private transient Model model;
    private transient ListState<String> fingerprints;
    private transient InputActivity input;
    private transient SessionStateManager state;
    private transient SessionAges ages;
    private transient StepLoop loop;
    private transient StepScheduler scheduler;
    private transient OptionalLong restoredCheckpoint;

    GenerationOperator(
            StreamOperatorParameters<OutputRecord> parameters, GenerationOptions options) {
        super(parameters);
        this.options = options;
        this.mailbox = parameters.getMailboxExecutor();
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        KeyedStateBackend<String> backend = getKeyedStateBackend();
        if (backend instanceof BatchExecutionKeyedStateBackend) {
            throw new IllegalStateException(
                    "execution.runtime-mode=BATCH clears a session's state when another session's record comes;"
                            + " set execution.runtime-mode=STREAMING");
        }
        ModelOptions modelOptions = DeviceChoice.of(options.modelOptions(), getRuntimeContext());
        try {
            model = open(SharedModel.open(modelPath(), modelOptions, getRuntimeContext()));
        } catch (OutOfMemoryError e) {
            throw noDeviceMemory(e);
        }
        fingerprints =
                context.getOperatorStateStore()
                        .getUnionListState(
                                new ListStateDescriptor<>(
                                        "model-fingerprint", StringSerializer.INSTANCE));
        for (String fingerprint : fingerprints.get()) {
            if (!fingerprint.equals(model.fingerprint()) && !options.allowModelChange()) {
                throw new ModelChangedException(fingerprint, model.fingerprint());
            }
        }
        restoredCheckpoint = context.getRestoredCheckpointId();
        state = new SessionStateManager(backend, context.getKeyedStateStore());
        ages =
                new SessionAges(
                        state,
                        getInternalTimerService(
                                "session-ages", VoidNamespaceSerializer.INSTANCE, this),
                        options);
        loop = newLoop();
    }

    private Path modelPath() throws Exception {
        String directory =
                getContainingTask().getEnvironment().getTaskManagerInfo().getTmpDirectories()[0];
        return ModelLocation.resolve(options.model(), Path.of(directory, "millrace-models"));
    }

    private StepLoop newLoop() throws Exception {
        PoolMemory memory =
                open(
                        PoolMemory.reserve(
                                getContainingTask().getEnvironment().getMemoryManager(),
                                poolFraction()));
        GeneratorOptions generatorOptions =
                new GeneratorOptions(
                        memory.bytes(), options.maxBatchTokens(), options.maxSequences());
        Generator generator;
        try {
            generator = open(new Generator(model, generatorOptions));
        } catch (OutOfMemoryError e) {
            throw noDeviceMemory(e);
        }
        checkPool(generator);
        Journal journal =
                open(
                        Journal.open(
                                options.journal(),
                                getRuntimeContext().getTaskInfo().getIndexOfThisSubtask(),
                                getRuntimeContext().getTaskInfo().getAttemptNumber()));
        GenerationMetrics metrics = new GenerationMetrics(getMetricGroup());
        if (model.kernels().usage() != null) {
            metrics.watchDevice(model.kernels()::usage);
        }
        return new StepLoop(
                model,
                generator,
                state,
                ages,
                new Answers(output, state, metrics, options.rememberedRequests()),
                metrics,
                journal,
                options,
                getProcessingTimeService()::getCurrentProcessingTime);
    }

    /** Flink ends the process for an OutOfMemoryError, which would change nothing on a GPU. */
    private static IllegalStateException noDeviceMemory(OutOfMemoryError e) {
        return new IllegalStateException(
                "no memory for the model or its page pool: "
                        + e.getMessage()
                        + "; lower taskmanager.memory.managed.size, which the page pool is a share of",
                e);
    }

    private double poolFraction() {
        return getOperatorConfig()
                .getManagedMemoryFractionOperatorUseCaseOfSlot(
                        ManagedMemoryUseCase.OPERATOR,
                        getRuntimeContext().getJobConfiguration(),
                        getRuntimeContext().getTaskManagerRuntimeInfo().getConfiguration(),
                        getUserCodeClassloader());
    }

    private void checkPool(Generator generator) {
        int needed = Math.min(MIN_SESSION_TOKENS, model.config().contextLength());
        if (generator.maxSessionTokens() < needed) {
            throw new IllegalStateException(
                    String.format(
                            "page pool too small: poolBytes=%d hold %d tokens, a session needs at least %d; raise"
                                    + " taskmanager.memory.managed.size",
                            generator.poolBytes(), generator.maxSessionTokens(), needed));
        }
    }

    private <T extends AutoCloseable> T open(T resource) {
        resources.push(resource);
        return resource;
    }

    @Override
    public void open() throws Exception {
        super.open();
        int channels = 0;
        for (IndexedInputGate gate : getContainingTask().getEnvironment().getAllInputGates()) {
            channels += gate.getNumberOfInputChannels();
        }
        input = new InputActivity(mailbox);
        scheduler = new StepScheduler(mailbox, input, loop, channels);
        loop.restore(restoredCheckpoint.orElse(-1));
        scheduler.schedule();
    }

    @Override
    public void processElement(StreamRecord<PromptEnvelope> element) throws Exception {
        input.recordCame();
        loop.accept(element.getValue());
        scheduler.schedule();
    }

    @Override
    public void onProcessingTime(InternalTimer<String, VoidNamespace> timer) throws Exception {
        state.select(timer.getKey());
        if (ages.onTimer(timer.getTimestamp()) == SessionAges.Age.IDLE) {
            loop.rest(timer.getKey());
            scheduler.schedule();
        }
    }

    @Override
    public void onEventTime(InternalTimer<String, VoidNamespace> timer) {
        throw new IllegalStateException("no event-time timer is ever registered");
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        fingerprints.update(List.of(model.fingerprint()));
        loop.snapshot(context.getCheckpointId());
    }

    @Override
    public void endInput() throws Exception {
        scheduler.drain();
    }

    @Override
    public void close() throws Exception {
        try {
            IOUtils.closeAll(resources);
        } finally {
            super.close();
        }
    }
}
