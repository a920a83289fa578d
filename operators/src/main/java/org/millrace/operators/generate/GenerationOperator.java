// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
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
import org.apache.flink.streaming.api.operators.InternalTimeServiceManager;
import org.apache.flink.streaming.api.operators.InternalTimer;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.operators.Triggerable;
import org.apache.flink.streaming.api.operators.sorted.state.BatchExecutionKeyedStateBackend;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.util.IOUtils;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.operators.GenerationListener;
import org.millrace.operators.GenerationSettings;
import org.millrace.operators.ModelChangedException;
import org.millrace.operators.PermanentFailureException;
import org.millrace.operators.Prompt;
import org.millrace.operators.model.DeviceChoice;
import org.millrace.operators.model.ModelLocation;
import org.millrace.operators.model.PoolMemory;
import org.millrace.operators.model.SharedModel;
import org.millrace.operators.state.SessionQueue;
import org.millrace.operators.state.SessionStateManager;
import org.millrace.schemas.Completion;

/**
 * Binds generation to Flink's life cycle: records, mails, watermarks, snapshots, memory. Keyed by
 * session.
 *
 * <p>{@link #endInput} runs inside the task's default action, where checkpoints are not taken: what
 * is queued when a bounded input ends is answered without one.
 */
final class GenerationOperator extends AbstractStreamOperator<Completion>
        implements OneInputStreamOperator<Prompt, Completion>,
                BoundedOneInput,
                Triggerable<String, VoidNamespace> {
    private static final long serialVersionUID = 1L;

    /**
     * Fewest positions of one session that a pool must have room for, if the model's context is not
     * below.
     */
    private static final int MIN_SESSION_TOKENS = 256;

    private final transient GenerationSettings settings;
    private final transient GenerationListener.Factory listeners;
    private final transient MailboxExecutor mailbox;
    private final transient Deque<AutoCloseable> resources = new ArrayDeque<>();
    private transient Model model;
    private transient ListState<String> fingerprints;
    private transient InputActivity input;
    private transient SessionStateManager state;
    private transient SessionAges ages;
    private transient EventTimeClock eventTime;
    private transient StepLoop loop;
    private transient StepScheduler scheduler;
    private transient OptionalLong restoredCheckpoint;

    GenerationOperator(
            StreamOperatorParameters<Completion> parameters,
            GenerationSettings settings,
            GenerationListener.Factory listeners) {
        super(parameters);
        this.settings = settings;
        this.listeners = listeners;
        this.mailbox = parameters.getMailboxExecutor();
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        KeyedStateBackend<String> backend = getKeyedStateBackend();
        if (backend instanceof BatchExecutionKeyedStateBackend) {
            throw new PermanentFailureException(
                    "execution.runtime-mode=BATCH clears a session's state when another session's record comes;"
                            + " set execution.runtime-mode=STREAMING");
        }
        model = openModel();
        fingerprints =
                context.getOperatorStateStore()
                        .getUnionListState(
                                new ListStateDescriptor<>(
                                        "model-fingerprint", StringSerializer.INSTANCE));
        for (String fingerprint : fingerprints.get()) {
            if (!fingerprint.equals(model.fingerprint())
                    && !settings.sessions().allowModelChange()) {
                throw new ModelChangedException(fingerprint, model.fingerprint());
            }
        }
        restoredCheckpoint = context.getRestoredCheckpointId();
        state =
                new SessionStateManager(
                        backend, context.getKeyedStateStore(), context.isRestored());
        ages =
                new SessionAges(
                        state,
                        getInternalTimerService(
                                "session-ages", VoidNamespaceSerializer.INSTANCE, this),
                        settings.sessions());
        eventTime = new EventTimeClock(settings.eventTime(), output);
        loop = newLoop();
    }

    /** A model that is missing or damaged is so at the next attempt, too. */
    private Model openModel() throws Exception {
        ModelOptions options = DeviceChoice.of(settings.modelOptions(), getRuntimeContext());
        try {
            return open(SharedModel.open(modelPath(), options, getRuntimeContext()));
        } catch (OutOfMemoryError e) {
            throw noDeviceMemory(e);
        } catch (FileNotFoundException | NoSuchFileException e) {
            throw new PermanentFailureException("no such model: " + settings.model(), e);
        } catch (RuntimeException e) {
            throw new PermanentFailureException(
                    "cannot open the model " + settings.model() + ": " + e.getMessage(), e);
        }
    }

    private Path modelPath() throws IOException {
        String directory =
                getContainingTask().getEnvironment().getTaskManagerInfo().getTmpDirectories()[0];
        return ModelLocation.resolve(settings.model(), Path.of(directory, "millrace-models"));
    }

    private StepLoop newLoop() throws Exception {
        PoolMemory memory =
                open(
                        PoolMemory.reserve(
                                getContainingTask().getEnvironment().getMemoryManager(),
                                poolFraction()));
        Generator generator = openGenerator(memory.bytes());
        GenerationListener listener =
                open(
                        listeners.create(
                                getRuntimeContext().getTaskInfo().getIndexOfThisSubtask(),
                                getRuntimeContext().getTaskInfo().getAttemptNumber()));
        GenerationMetrics metrics = new GenerationMetrics(getMetricGroup());
        if (model.kernels().usage() != null) {
            metrics.watchDevice(model.kernels()::usage);
        }
        Subtask subtask =
                new Subtask(
                        model,
                        generator,
                        state,
                        metrics,
                        listener,
                        getProcessingTimeService()::getCurrentProcessingTime);
        Answers answers = new Answers(output, state, metrics, settings.sessions(), eventTime);
        return new StepLoop(subtask, settings, ages, eventTime, answers);
    }

    private Generator openGenerator(long poolBytes) throws Exception {
        GeneratorOptions options =
                new GeneratorOptions(
                        poolBytes,
                        settings.batch().maxTokens(),
                        settings.batch().maxSequences(),
                        settings.batch().maxStepMillis());
        Generator generator;
        try {
            generator = open(new Generator(model, options));
        } catch (OutOfMemoryError e) {
            throw noDeviceMemory(e);
        } catch (IllegalArgumentException e) {
            throw new PermanentFailureException(e.getMessage(), e);
        }
        int needed = Math.min(MIN_SESSION_TOKENS, model.spec().contextLength());
        if (generator.maxSessionTokens() < needed) {
            throw new PermanentFailureException(
                    String.format(
                            "page pool too small: poolBytes=%d hold %d tokens, a session needs at least %d; raise"
                                    + " taskmanager.memory.managed.size",
                            generator.poolBytes(), generator.maxSessionTokens(), needed));
        }
        return generator;
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
        OutputAvailability outputs =
                new OutputAvailability(getContainingTask().getEnvironment().getAllWriters());
        scheduler = new StepScheduler(mailbox, input, outputs, loop, channels);
        loop.restore(restoredCheckpoint.orElse(-1));
        scheduler.schedule();
    }

    @Override
    public void processElement(StreamRecord<Prompt> element) throws Exception {
        input.recordCame();
        Prompt prompt = element.getValue();
        if (!prompt.session().equals(getCurrentKey())) {
            throw new PermanentFailureException(
                    "key="
                            + getCurrentKey()
                            + ", session="
                            + prompt.session()
                            + ": generation is keyed by Prompt.BY_SESSION alone");
        }
        long timestampMillis =
                element.hasTimestamp() ? element.getTimestamp() : SessionQueue.NO_TIMESTAMP;
        loop.intake().accept(prompt, timestampMillis);
        scheduler.schedule();
    }

    @Override
    public void processWatermark(Watermark watermark) throws Exception {
        InternalTimeServiceManager<?> timers = getTimeServiceManager().orElseThrow();
        timers.advanceWatermark(watermark);
        eventTime.advance(watermark);
    }

    @Override
    public void processWatermarkStatus(WatermarkStatus status) {
        eventTime.advance(status);
    }

    @Override
    public void onEventTime(InternalTimer<String, VoidNamespace> timer) throws Exception {
        state.select(timer.getKey());
        if (ages.onTimer(timer.getTimestamp()) == SessionAges.Age.IDLE) {
            loop.intake().rest(timer.getKey());
            scheduler.schedule();
        }
    }

    @Override
    public void onProcessingTime(InternalTimer<String, VoidNamespace> timer) throws Exception {
        state.select(timer.getKey());
        ages.onWallClockTimer();
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
