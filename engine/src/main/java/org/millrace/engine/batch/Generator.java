package org.millrace.engine.batch;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.millrace.engine.Model;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.PagePool;
import org.millrace.engine.kvcache.PageSource;
import org.millrace.engine.kvcache.SavedCache;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.model.TransformerModel;

/**
 * Continuous batching over one page pool: each {@link #step} schedules, runs the model once,
 * samples and accounts. One instance per Flink subtask. Not thread safe; closing frees the pool
 * (and with it every cache), not the model.
 */
public final class Generator implements AutoCloseable {
    private final Model model;
    private final GeneratorOptions options;
    private final KernelProvider kernels;
    private final PagePool pool;
    private final TransformerModel transformer;
    private final Scheduler scheduler;
    private final StepBatch batch;
    private final Set<Sequence> live = new LinkedHashSet<>();
    private final ByteBuffer logitRow;
    private final ByteBuffer bestIds;
    private final DeviceBuffer best;

    /**
     * Allocates the page pool and scratch memory.
     *
     * @throws IllegalArgumentException if a limit is too small for the model, naming it
     */
    public Generator(Model model, GeneratorOptions options) {
        this.model = model;
        this.options = options;
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
        int capacity = (int) Math.min(pages, Integer.MAX_VALUE - 8);
        pool = new PagePool(kernels, layout, capacity);
        transformer = model.newTransformer(options.maxBatchTokens(), options.maxSequences());
        scheduler = new Scheduler(options.maxBatchTokens());
        batch = new StepBatch(kernels, pool, model.config().contextLength());
        logitRow =
                ByteBuffer.allocateDirect(Float.BYTES * model.config().vocabSize())
                        .order(ByteOrder.LITTLE_ENDIAN);
        bestIds =
                ByteBuffer.allocateDirect(Integer.BYTES * options.maxSequences())
                        .order(ByteOrder.LITTLE_ENDIAN);
        best = kernels.allocate(bestIds.capacity());
    }

    /** An empty cache for a new session. Takes no page until its first step. */
    public SessionCache newCache() {
        return new SessionCache(pool);
    }

    /**
     * Rebuilds a session's cache from what {@link SessionCache#save} returned. Reads pages one by
     * one from {@code pages}. Its pages count against the pool at once; call only if {@link
     * #hasRoomFor} said so.
     *
     * @throws org.millrace.engine.kvcache.IncompatibleCacheException if the header's fingerprint is
     *     not this model's, or its format is unknown
     * @throws org.millrace.engine.kvcache.CorruptCacheException if a checksum fails or a page is
     *     missing
     */
    public SessionCache restoreCache(SavedCache saved, PageSource pages) {
        return SessionCache.restore(pool, saved, pages);
    }

    /**
     * Whether a sequence that ends with {@code totalTokens} positions fits in now: into the batch,
     * and into the pool next to all that was admitted. Submitting reserves its worst case, so a
     * running sequence never lacks a page.
     */
    public boolean hasRoomFor(int totalTokens) {
        return live.size() < options.maxSequences()
                && pool.layout().pagesFor(totalTokens) <= pool.uncommittedPages();
    }

    /** Most positions of one session that the whole pool could hold. */
    public int maxSessionTokens() {
        long pagesPerHead = pool.capacity() / pool.layout().numHeads();
        return (int) Math.min(pagesPerHead * 32, model.config().contextLength());
    }

    /** Takes a sequence into the batch. Its cache must be one of this generator's. */
    public void submit(Sequence sequence) {
        if (live.size() >= options.maxSequences()) {
            throw new IllegalStateException("batch full: maxSequences=" + options.maxSequences());
        }
        sequence.cache().reserve(sequence.maxTotalTokens(model.config().contextLength()), 0);
        sequence.start(model.tokenizer());
        live.add(sequence);
    }

    /** Takes a sequence out before it ended by itself; its reason is set, its cache stays valid. */
    public void cancel(Sequence sequence, FinishReason reason) {
        live.remove(sequence);
        sequence.finish(reason);
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
     * sequence.
     */
    public StepResult step() {
        List<Scheduler.Slice> slices = scheduler.schedule(live);
        StepResult result = new StepResult(0, 0, new ArrayList<>(), new ArrayList<>());
        if (slices.isEmpty()) {
            return result;
        }
        int decodeRows = 0;
        int rows = 0;
        List<Scheduler.Slice> ending = new ArrayList<>();
        List<Integer> endRows = new ArrayList<>();
        for (Scheduler.Slice slice : slices) {
            decodeRows += slice.sequence().isPrefilling() ? 0 : 1;
            rows += slice.rows();
            if (slice.reachesEnd()) {
                ending.add(slice);
                endRows.add(rows - 1);
            }
        }
        batch.fill(slices);
        int[] indices = endRows.stream().mapToInt(Integer::intValue).toArray();
        DeviceBuffer logits =
                transformer.step(
                        batch.tokens(),
                        batch.view(),
                        batch.logitRows(indices),
                        indices.length,
                        best);
        endFaulty(slices, result);
        sampleAll(ending, logits, result);
        return new StepResult(rows - decodeRows, decodeRows, result.tokens(), result.finished());
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

    private void sampleAll(List<Scheduler.Slice> ending, DeviceBuffer logits, StepResult result) {
        best.read(0, bestIds.clear().limit(Integer.BYTES * ending.size()));
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
            accept(sequence, sample(sequence, bestId, logits, i), result);
        }
    }

    private Sampler.Sample sample(Sequence sequence, int bestId, DeviceBuffer logits, int row) {
        if (sequence.params().isPlainGreedy()) {
            return new Sampler.Sample(bestId, Float.NaN);
        }
        float[] values = new float[model.config().vocabSize()];
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
                        sample.id(),
                        sample.logprob(),
                        endsSequence,
                        model.config().contextLength());
        result.tokens()
                .add(new StepResult.Token(sequence, index, sample.id(), text, sample.logprob()));
        if (sequence.finishReason() != null) {
            live.remove(sequence);
            result.finished().add(sequence);
        }
    }

    private void end(Sequence sequence, FinishReason reason, StepResult result) {
        cancel(sequence, reason);
        result.finished().add(sequence);
    }

    @Override
    public void close() {
        batch.close();
        best.close();
        transformer.close();
        pool.close();
    }
}
