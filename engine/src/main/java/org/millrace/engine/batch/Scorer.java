// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.millrace.engine.Model;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.PagePool;
import org.millrace.engine.kvcache.ProfiledTurn;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.StoredCache;
import org.millrace.engine.kvcache.policy.HeadChoice;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.engine.kvcache.policy.RetentionPolicy;
import org.millrace.engine.model.TransformerModel;

/**
 * Teacher-forced evaluation: the logits after the tokens of given texts, with the caches compressed
 * as if the texts had been generated. Not thread safe.
 */
public final class Scorer {
    private static final int MAX_ROWS = 256;
    private static final int MAX_LOGIT_ROWS = 64;

    /** Receives the logits after each token of a text, in order. */
    @FunctionalInterface
    public interface LogitsConsumer {
        /**
         * @param position of the token that the logits follow
         * @param logits float[vocabulary]; the receiver's
         */
        void accept(int position, float[] logits);
    }

    /** Watches texts that are scored side by side. */
    public interface Observer {
        /**
         * Takes the logits after a token; of one text in order.
         *
         * @param text index of the text
         * @param position of the token that the logits follow
         * @param logits float[vocabulary]; the receiver's
         */
        void logits(int text, int position, float[] logits);

        /** A prompt of a text was compressed. */
        default void compacted(int text, SessionCache cache, List<HeadChoice> heads) {}

        /**
         * A text is through.
         *
         * @param start what its cache was made from; null if it was empty
         */
        default void ended(int text, SessionCache cache, StoredCache start) {}
    }

    /**
     * A text.
     *
     * @param from first position whose logits are wanted
     * @param start what was computed of it before; null if nothing was
     */
    public record Text(Transcript transcript, int from, StoredCache start) {
        public Text(Transcript transcript, int from) {
            this(transcript, from, null);
        }

        private Text from(StoredCache computed) {
            return new Text(transcript, from, computed);
        }
    }

    private final Model model;
    private final Function<Retention, RetentionPolicy> policies;
    private final Compactor compactor;

    public Scorer(Model model) {
        this(model, RetentionPolicies::lookup);
    }

    /**
     * @param policies what retentions stand for, so that slots chosen elsewhere can be scored, too
     */
    public Scorer(Model model, Function<Retention, RetentionPolicy> policies) {
        this.model = model;
        this.policies = policies;
        this.compactor = new Compactor(model);
    }

    /**
     * Scores a plain text; nothing is compressed.
     *
     * @throws IllegalArgumentException if it has no tokens, or more than the context holds
     */
    public void score(int[] tokens, LogitsConsumer consumer) {
        SessionTurn all = SessionTurn.of(0, tokens.length, Retention.FULL);
        score(
                List.of(new Text(new Transcript(tokens, List.of(all)), 0)),
                (text, position, logits) -> consumer.accept(position, logits));
    }

    /**
     * Scores texts side by side: those of equal length and turns go in step. What several of them
     * begin with is computed once.
     *
     * @throws IllegalArgumentException if one has no tokens, or more than the context holds
     */
    public void score(List<Text> texts, Observer observer) {
        texts.forEach(this::check);
        Map<Beginning, StoredCache> stored = new HashMap<>();
        texts.stream()
                .filter(text -> text.start() == null)
                .collect(Collectors.groupingBy(this::beginning))
                .forEach(
                        (beginning, sharing) -> {
                            if (sharing.size() > 1 && beginning.length() > 0) {
                                stored.put(beginning, compute(beginning, sharing.get(0)));
                            }
                        });
        scoreEach(
                texts.stream()
                        .map(
                                text ->
                                        text.start() == null
                                                ? text.from(stored.get(beginning(text)))
                                                : text)
                        .toList(),
                observer);
    }

    /** Short of the first compaction by a token, and of the first logits that are wanted. */
    private Beginning beginning(Text text) {
        Transcript transcript = text.transcript();
        TurnSchedule.Compressed first = new TurnSchedule(transcript.turns(), policies).first();
        int length = text.from();
        Optional<ProfiledTurn> measured = Optional.empty();
        if (first != null) {
            length = Math.min(length, first.turn().promptEnd() - 1);
            measured =
                    first.policy().replaysPrompt()
                            ? Optional.empty()
                            : compactor.measuredTurn(first);
        }
        return new Beginning(IntBuffer.wrap(transcript.tokens(), 0, length), measured);
    }

    private StoredCache compute(Beginning beginning, Text sharing) {
        List<StoredCache> computed = new ArrayList<>();
        Text text = new Text(beginning.of(sharing.transcript()), beginning.length());
        scoreEach(
                List.of(text),
                new Observer() {
                    @Override
                    public void logits(int index, int position, float[] logits) {
                        throw new IllegalStateException("logits that nobody wants");
                    }

                    @Override
                    public void ended(int index, SessionCache cache, StoredCache start) {
                        computed.add(new StoredCache(cache, start));
                    }
                });
        return computed.get(0);
    }

    private void scoreEach(List<Text> texts, Observer observer) {
        CacheLayout layout = model.cacheLayout();
        Scheduler scheduler =
                new Scheduler(Math.max(MAX_ROWS, texts.size()), StepCost.of(model.spec()));
        try (PagePool pool = new PagePool(model.kernels(), layout, pages(texts, layout));
                TransformerModel transformer =
                        model.newTransformer(Math.max(MAX_ROWS, texts.size()), MAX_LOGIT_ROWS);
                StepBatch batch =
                        new StepBatch(
                                model.kernels(),
                                pool,
                                model.spec().contextLength(),
                                Math.max(MAX_ROWS, texts.size()),
                                texts.size())) {
            List<Sequence> all = new ArrayList<>();
            for (Text text : texts) {
                SessionCache cache =
                        text.start() == null ? new SessionCache(pool) : text.start().restore(pool);
                Sequence sequence = Sequence.known(cache, text.transcript(), policies);
                cache.reserve(text.transcript().length(), sequence.replayRows());
                all.add(sequence);
            }
            Map<Sequence, Urgency> live = new LinkedHashMap<>();
            all.forEach(sequence -> live.put(sequence, Urgency.NONE));
            while (!live.isEmpty()) {
                List<Scheduler.Slice> slices =
                        scheduler.schedule(live, Double.POSITIVE_INFINITY, compactor::prepare);
                if (slices.isEmpty()) {
                    throw new OutOfMemoryError("no memory to measure a prompt");
                }
                batch.fill(slices);
                transformer.forward(batch.tokens(), batch.view());
                deliver(transformer, batch, wanted(slices, all, texts), observer);
                for (Scheduler.Slice slice : slices) {
                    Sequence sequence = slice.sequence();
                    int text = all.indexOf(sequence);
                    List<HeadChoice> choices = compactor.afterStep(sequence);
                    if (choices != null) {
                        observer.compacted(text, sequence.cache(), choices);
                    }
                    if (sequence.isEndedBy(0)) {
                        observer.ended(text, sequence.cache(), texts.get(text).start());
                        sequence.cache().close();
                        live.remove(sequence);
                    }
                }
            }
        }
    }

    private void check(Text text) {
        int tokens = text.transcript().length();
        if (tokens < 1 || tokens > model.spec().contextLength()) {
            throw new IllegalArgumentException(
                    "bad number of tokens: tokens="
                            + tokens
                            + ", must be in [1, contextLength="
                            + model.spec().contextLength()
                            + "]");
        }
    }

    private static int pages(List<Text> texts, CacheLayout layout) {
        long pages = 0;
        for (Text text : texts) {
            pages += layout.pagesFor(text.transcript().length() + Replay.MAX_ROWS);
        }
        return Math.toIntExact(pages);
    }

    /** A row whose logits somebody wants. */
    private record Wanted(int row, int text, int position) {}

    /** Of the rows that were just computed. */
    private static List<Wanted> wanted(
            List<Scheduler.Slice> slices, List<Sequence> all, List<Text> texts) {
        List<Wanted> wanted = new ArrayList<>();
        int row = 0;
        for (Scheduler.Slice slice : slices) {
            int text = all.indexOf(slice.sequence());
            int first = slice.sequence().nextPosition() - slice.rows();
            boolean isReplayed = slice.sequence().replay() != null;
            for (int i = 0; i < slice.rows(); i++, row++) {
                if (!isReplayed && first + i >= texts.get(text).from()) {
                    wanted.add(new Wanted(row, text, first + i));
                }
            }
        }
        return wanted;
    }

    private void deliver(
            TransformerModel transformer, StepBatch batch, List<Wanted> wanted, Observer observer) {
        int vocabSize = model.spec().vocabSize();
        ByteBuffer host =
                ByteBuffer.allocateDirect(Float.BYTES * vocabSize).order(ByteOrder.LITTLE_ENDIAN);
        for (int from = 0; from < wanted.size(); from += MAX_LOGIT_ROWS) {
            List<Wanted> group =
                    wanted.subList(from, Math.min(from + MAX_LOGIT_ROWS, wanted.size()));
            int[] rows = group.stream().mapToInt(Wanted::row).toArray();
            DeviceBuffer logits = transformer.logits(batch.logitRows(rows), rows.length);
            for (int i = 0; i < rows.length; i++) {
                logits.read((long) i * host.capacity(), host.clear());
                float[] values = new float[vocabSize];
                host.flip().asFloatBuffer().get(values);
                observer.logits(group.get(i).text(), group.get(i).position(), values);
            }
        }
    }
}
