package org.millrace.engine.batch;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.IntStream;
import org.millrace.engine.Model;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.PagePool;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.model.TransformerModel;

/** Teacher-forced evaluation: the logits after every token of a given text. Not thread safe. */
public final class Scorer {
    private static final int CHUNK_ROWS = 64;

    /** Receives the logits after each token, in order. */
    @FunctionalInterface
    public interface LogitsConsumer {
        /**
         * @param position of the token that the logits follow
         * @param logits float[vocabulary]; the receiver's
         */
        void accept(int position, float[] logits);
    }

    private final Model model;

    public Scorer(Model model) {
        this.model = model;
    }

    /**
     * Runs {@code tokens} through the model in chunks.
     *
     * @throws IllegalArgumentException if there are none, or more than the context holds
     */
    public void score(int[] tokens, LogitsConsumer consumer) {
        if (tokens.length < 1 || tokens.length > model.config().contextLength()) {
            throw new IllegalArgumentException(
                    "bad number of tokens: tokens="
                            + tokens.length
                            + ", must be in [1, contextLength="
                            + model.config().contextLength()
                            + "]");
        }
        CacheLayout layout = model.cacheLayout();
        int pages = Math.toIntExact(layout.pagesFor(tokens.length));
        try (PagePool pool = new PagePool(model.kernels(), layout, pages);
                TransformerModel transformer = model.newTransformer(CHUNK_ROWS, CHUNK_ROWS);
                StepBatch batch =
                        new StepBatch(model.kernels(), pool, model.config().contextLength());
                SessionCache cache = new SessionCache(pool)) {
            Sequence sequence =
                    new Sequence(cache, new int[0], tokens, GenerationParams.greedy(1), null);
            while (sequence.pendingTokens() > 0) {
                int rows = Math.min(CHUNK_ROWS, sequence.pendingTokens());
                int first = sequence.nextPosition();
                batch.fill(List.of(new Scheduler.Slice(sequence, rows)));
                transformer.forward(batch.tokens(), batch.view());
                DeviceBuffer rowIndices = batch.logitRows(IntStream.range(0, rows).toArray());
                deliver(transformer.logits(rowIndices, rows), first, rows, consumer);
            }
        }
    }

    private void deliver(DeviceBuffer logits, int first, int rows, LogitsConsumer consumer) {
        ByteBuffer host =
                ByteBuffer.allocateDirect(Float.BYTES * model.config().vocabSize())
                        .order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < rows; row++) {
            logits.read((long) row * host.capacity(), host.clear());
            float[] values = new float[model.config().vocabSize()];
            host.flip().asFloatBuffer().get(values);
            consumer.accept(first + row, values);
        }
    }
}
