// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.millrace.engine.Model;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.DeviceUsage;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Resources;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.Compaction;
import org.millrace.engine.kvcache.CorruptCacheException;
import org.millrace.engine.kvcache.IncompatibleCacheException;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.PagePool;
import org.millrace.engine.kvcache.SavedCache;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.SlotSource;
import org.millrace.engine.kvcache.StoredCache;
import org.millrace.engine.kvcache.policy.HeadChoice;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.model.TransformerModel;

/**
 * Continuous batching over one page pool: each {@link #step} schedules, runs the model once,
 * samples and accounts. One instance per Flink subtask. Not thread safe; closing frees the pool
 * (and with it every cache), not the model.
 */
public final class Generator implements AutoCloseable {
    /**
     * Device memory that must be left at the start, for the statistics of prompts and for what the
     * driver takes by itself. Steps allocate nothing else.
     */
    private static final long SPARE_DEVICE_BYTES = 64L << 20;

    private final Model model;
    private final GeneratorOptions options;
    private final KernelProvider kernels;
    private final Resources owned = new Resources();
    private final PagePool pool;
    private final TransformerModel transformer;
    private final Scheduler scheduler;
    private final StepBatch batch;
    private final Compactor compactor;
    private final StepCost cost;
    private final LongSupplier nanoClock;

    /** In order of arrival. */
    private final Map<Sequence, Urgency> live = new LinkedHashMap<>();

    /** Of them those that have not been in a step. */
    private final Set<Sequence> waiting = new HashSet<>();

    /** Null where the host draws. */
    private final DeviceSampler deviceSampler;

    private final ByteBuffer logitRow;
    private final ByteBuffer bestIds;
    private final DeviceBuffer best;

    /**
     * Allocates the page pool and scratch memory.
     *
     * @throws IllegalArgumentException if a limit is too small for the model, naming it
     */
    public Generator(Model model, GeneratorOptions options) {
        this(model, options, System::nanoTime);
    }

    /**
     * @param nanoClock measures steps; they are sized by it, and nothing else depends on it
     */
    Generator(Model model, GeneratorOptions options, LongSupplier nanoClock) {
        this.model = model;
        this.options = options;
        this.nanoClock = nanoClock;
        this.kernels = model.kernels();
        CacheLayout layout = model.cacheLayout();
        long pages = layout.pagesIn(options.poolBytes());
        if (pages < layout.numHeads()) {
            throw new IllegalArgumentException(
                    "page pool too small: poolBytes="
                            + options.poolBytes()
                            + ", must be >= "
                            + layout.poolBytes(layout.numHeads())
                            + " to hold one page for each head");
        }
        if (options.maxSequences() < 1 || options.maxBatchTokens() < options.maxSequences()) {
            throw new IllegalArgumentException(
                    "token budget too small: maxBatchTokens="
                            + options.maxBatchTokens()
                            + ", must be >= maxSequences="
                            + options.maxSequences());
        }
        if (options.maxStepMillis() < 1) {
            throw new IllegalArgumentException(
                    "bound on a step's time too small: maxStepMillis="
                            + options.maxStepMillis()
                            + ", must be >= 1");
        }
        int capacity = (int) Math.min(pages, Integer.MAX_VALUE - 8);
        checkDeviceMemory(options.poolBytes());
        cost = StepCost.of(model.spec());
        scheduler = new Scheduler(options.maxBatchTokens(), cost);
        compactor = new Compactor(model);
        logitRow = bytes(Float.BYTES * model.spec().vocabSize());
        bestIds = bytes(Integer.BYTES * options.maxSequences());
        try {
            pool = owned.add(new PagePool(kernels, layout, capacity));
            transformer =
                    owned.add(
                            model.newTransformer(options.maxBatchTokens(), options.maxSequences()));
            batch =
                    owned.add(
                            new StepBatch(
                                    kernels,
                                    pool,
                                    model.spec().contextLength(),
                                    options.maxBatchTokens(),
                                    options.maxSequences()));
            deviceSampler =
                    DeviceSampler.of(kernels, options.maxSequences(), model.spec().vocabSize());
            if (deviceSampler != null) {
                owned.add(deviceSampler);
            }
            best = owned.add(kernels.allocate(bestIds.capacity()));
            checkDeviceMemory(0);
        } catch (OutOfMemoryError e) {
            owned.close();
            throw e;
        }
    }

    private static ByteBuffer bytes(int length) {
        return ByteBuffer.allocateDirect(length).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Memory of the process itself is not looked at.
     *
     * @param bytes to be allocated
     */
    private void checkDeviceMemory(long bytes) {
        DeviceUsage usage = kernels.usage();
        if (usage != null && usage.freeBytes() < bytes + SPARE_DEVICE_BYTES) {
            throw new OutOfMemoryError(
                    "too little device memory: poolBytes="
                            + options.poolBytes()
                            + ", free="
                            + usage.freeBytes()
                            + ", needed="
                            + (bytes + SPARE_DEVICE_BYTES));
        }
    }

    /** An empty cache for a new session. Takes no page until its first step. */
    public SessionCache newCache() {
        return new SessionCache(pool);
    }

    /**
     * Rebuilds a session's cache from what {@link SessionCache#save} returned and stored. Its pages
     * count against the pool at once; call only if {@link #hasRoomFor} said so.
     *
     * @throws org.millrace.engine.kvcache.IncompatibleCacheException if the header's fingerprint is
     *     not this model's, or its format is unknown
     * @throws org.millrace.engine.kvcache.CorruptCacheException if a checksum fails or slots are
     *     missing
     */
    public SessionCache restoreCache(SavedCache saved, SlotSource slots) {
        return SessionCache.restore(pool, saved, slots);
    }

    /** As above, from memory. */
    public SessionCache restoreCache(StoredCache stored) {
        return stored.restore(pool);
    }

    /**
     * Whether a sequence of a new session that needs {@code positions} fits in now: into the batch,
     * and into the pool next to all that was admitted. Submitting reserves its worst case, so a
     * running sequence never lacks a page.
     */
    public boolean hasRoomFor(int positions) {
        return hasRoomForPages(pool.layout().pagesFor(positions));
    }

    /**
     * As {@link #hasRoomFor(int)}, of a session whose cache is stored: what it has dropped needs no
     * room.
     *
     * @param header of {@link SavedCache}
     */
    public boolean hasRoomFor(byte[] header, int positions) {
        try {
            return hasRoomForPages(SavedCache.pagesFor(header, pool.layout(), positions));
        } catch (CorruptCacheException | IncompatibleCacheException e) {
            // It cannot be restored either: the session will be computed again.
            return hasRoomFor(positions);
        }
    }

    private boolean hasRoomForPages(long pages) {
        return live.size() < options.maxSequences() && pages <= pool.uncommittedPages();
    }

    /** Most positions of one session that the whole pool could hold. */
    public int maxSessionTokens() {
        long pagesPerHead = pool.capacity() / pool.layout().numHeads();
        return (int) Math.min(pagesPerHead * KvPageDescriptor.PAGE_SLOTS, Integer.MAX_VALUE);
    }

    /** Takes a sequence into the batch, as urgent as all others that are submitted so. */
    public void submit(Sequence sequence) {
        submit(sequence, Urgency.NONE);
    }

    /** Takes a sequence into the batch. Its cache must be one of this generator's. */
    public void submit(Sequence sequence, Urgency urgency) {
        if (live.size() >= options.maxSequences()) {
            throw new IllegalStateException("batch full: maxSequences=" + options.maxSequences());
        }
        sequence.cache()
                .reserve(
                        sequence.positionsNeeded(model.spec().contextLength()),
                        sequence.replayRows());
        sequence.start(model.tokenizer());
        compactor.join(sequence);
        live.put(sequence, urgency);
        waiting.add(sequence);
    }

    /** Takes a sequence out before it ended by itself; its reason is set, its cache stays valid. */
    public void cancel(Sequence sequence, FinishReason reason) {
        leave(sequence);
        sequence.finish(reason);
    }

    private void leave(Sequence sequence) {
        live.remove(sequence);
        waiting.remove(sequence);
    }

    /** Sequences in the batch. */
    public int liveSequences() {
        return live.size();
    }

    /** Pool bytes in pages that hold slots. */
    public long usedBytes() {
        return (long) pool.usedPages() * pool.layout().page().pageBytes();
    }

    /** Bytes of the whole pool. */
    public long poolBytes() {
        return options.poolBytes();
    }

    /**
     * One round: up to {@code maxBatchTokens} positions forward, at most one new token per
     * sequence. A sequence whose prompt is to be measured waits while there is no memory for that.
     */
    public StepResult step() {
        long begin = nanoClock.getAsLong();
        double maxCost = cost.within(TimeUnit.MILLISECONDS.toNanos(options.maxStepMillis()));
        List<Scheduler.Slice> slices = scheduler.schedule(live, maxCost, compactor::prepare);
        StepResult result = new StepResult();
        if (slices.isEmpty()) {
            return result;
        }
        double expected = scheduler.cost(slices);
        run(slices, result);
        if (result.prefillTokens() + result.replayedTokens() > 0) {
            cost.measured(expected, nanoClock.getAsLong() - begin);
        }
        return result;
    }

    private void run(List<Scheduler.Slice> slices, StepResult result) {
        for (Scheduler.Slice slice : slices) {
            if (waiting.remove(slice.sequence())) {
                result.started().add(slice.sequence());
            }
        }
        result.count(slices);
        List<Ending> ending = ending(slices);
        DeviceBuffer logits = forward(slices, ending);
        endFaulty(slices, result);
        sampleAll(ending, logits, result);
        compact(slices, result);
    }

    /** A sequence whose newest token is computed in a step, in this row of it. */
    private record Ending(Sequence sequence, int row) {}

    private static List<Ending> ending(List<Scheduler.Slice> slices) {
        List<Ending> ending = new ArrayList<>();
        int rows = 0;
        for (Scheduler.Slice slice : slices) {
            rows += slice.rows();
            if (slice.reachesEnd()) {
                ending.add(new Ending(slice.sequence(), rows - 1));
            }
        }
        return ending;
    }

    private DeviceBuffer forward(List<Scheduler.Slice> slices, List<Ending> ending) {
        batch.fill(slices);
        int[] indices = ending.stream().mapToInt(Ending::row).toArray();
        return transformer.step(
                batch.tokens(), batch.view(), batch.logitRows(indices), indices.length, best);
    }

    /**
     * Computes the last token of a turn that has ended, as if another were to follow: the cache
     * then holds all that was said. The next turn would do it otherwise.
     */
    public void computeLast(Sequence sequence) {
        if (sequence.nextRows() > 0 && compactor.prepare(sequence, 1)) {
            forward(List.of(new Scheduler.Slice(sequence, 1)), List.of());
            compactor.afterStep(sequence);
        }
    }

    private void compact(List<Scheduler.Slice> slices, StepResult result) {
        long begin = System.nanoTime();
        for (Scheduler.Slice slice : slices) {
            Sequence sequence = slice.sequence();
            if (sequence.finishReason() == FinishReason.NON_FINITE) {
                continue;
            }
            List<HeadChoice> choices = compactor.afterStep(sequence);
            if (choices != null) {
                result.compacted().add(compacted(sequence, choices));
            }
            if (sequence.isRest() && sequence.schedule().due(sequence.cache()) == null) {
                end(sequence, FinishReason.RESTED, result);
            }
        }
        result.compacting(System.nanoTime() - begin);
    }

    private static StepResult.Compacted compacted(Sequence sequence, List<HeadChoice> choices) {
        List<Compaction> compactions = sequence.cache().compactions();
        Compaction last = compactions.get(compactions.size() - 1);
        return new StepResult.Compacted(
                sequence, Retention.parse(last.retention()), last.end() - last.start(), choices);
    }

    /** Ends sequences with a key or value that is not finite. */
    private void endFaulty(List<Scheduler.Slice> slices, StepResult result) {
        IntBuffer faults = batch.faults();
        for (Scheduler.Slice slice : slices) {
            boolean faulty = false;
            for (int i = 0; i < slice.rows(); i++) {
                faulty |= faults.get() != 0;
            }
            if (faulty) {
                end(slice.sequence(), FinishReason.NON_FINITE, result);
            }
        }
    }

    private void sampleAll(List<Ending> ending, DeviceBuffer logits, StepResult result) {
        if (ending.isEmpty()) {
            return;
        }
        best.read(0, bestIds.clear().limit(Integer.BYTES * ending.size()));
        Map<Integer, Sampler.Sample> drawn = drawOnDevice(ending, logits);
        for (int i = 0; i < ending.size(); i++) {
            Sequence sequence = ending.get(i).sequence();
            if (sequence.finishReason() != null) {
                continue;
            }
            int bestId = bestIds.getInt(Integer.BYTES * i);
            if (bestId < 0) {
                end(sequence, FinishReason.NON_FINITE, result);
                continue;
            }
            Sampler.Sample sample =
                    drawn.containsKey(i) ? drawn.get(i) : sample(sequence, bestId, logits, i);
            accept(sequence, sample, result);
        }
    }

    /** Tokens by row, of those that are more than the largest logit; none where the host draws. */
    private Map<Integer, Sampler.Sample> drawOnDevice(List<Ending> ending, DeviceBuffer logits) {
        List<DeviceSampler.Request> requests = new ArrayList<>();
        for (int i = 0; i < ending.size() && deviceSampler != null; i++) {
            Sequence sequence = ending.get(i).sequence();
            boolean ends = sequence.finishReason() != null || bestIds.getInt(Integer.BYTES * i) < 0;
            if (!ends && !sequence.params().isPlainGreedy()) {
                requests.add(
                        new DeviceSampler.Request(
                                i,
                                sequence.params(),
                                sequence.tokens(),
                                sequence.generated().length));
            }
        }
        if (requests.isEmpty() || !DeviceSampler.fits(requests)) {
            return Map.of();
        }
        Sampler.Sample[] samples = deviceSampler.draw(requests, logits);
        Map<Integer, Sampler.Sample> drawn = new HashMap<>();
        for (int i = 0; i < samples.length; i++) {
            drawn.put(requests.get(i).row(), samples[i]);
        }
        return drawn;
    }

    private Sampler.Sample sample(Sequence sequence, int bestId, DeviceBuffer logits, int row) {
        if (sequence.params().isPlainGreedy()) {
            return new Sampler.Sample(bestId, Float.NaN);
        }
        float[] values = new float[model.spec().vocabSize()];
        logits.read((long) row * logitRow.capacity(), logitRow.clear());
        logitRow.flip().asFloatBuffer().get(values);
        return Sampler.sample(
                values, sequence.params(), sequence.tokens(), sequence.generated().length);
    }

    private void accept(Sequence sequence, Sampler.Sample sample, StepResult result) {
        int index = sequence.generated().length;
        boolean endsSequence = model.tokenizer().endOfSequence().contains(sample.id());
        String text =
                sequence.append(
                        sample.id(), sample.logprob(), endsSequence, model.spec().contextLength());
        result.tokens()
                .add(new StepResult.Token(sequence, index, sample.id(), text, sample.logprob()));
        if (sequence.finishReason() != null) {
            leave(sequence);
            result.finished().add(sequence);
        }
    }

    private void end(Sequence sequence, FinishReason reason, StepResult result) {
        cancel(sequence, reason);
        result.finished().add(sequence);
    }

    @Override
    public void close() {
        owned.close();
    }
}
