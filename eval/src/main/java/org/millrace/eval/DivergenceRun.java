// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import org.millrace.engine.Model;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * Generates greedily under retention policies, side by side, beside the full cache. Single
 * threaded.
 */
public final class DivergenceRun {
    private static final int LENGTH = 128;
    private static final int MAX_BATCH_TOKENS = 256;

    /** Policies share a generator as long as its pool stays below. */
    private static final long MAX_POOL_BYTES = 2L << 30;

    /** On past an end of sequence: the text does not matter, only that it is the same. */
    private static final GenerationParams PARAMS =
            new GenerationParams(LENGTH, 0f, 0, 1f, 0f, 1f, 0, List.of(), true, false);

    private final Model model;
    private final Model reference;
    private final List<Retention> policies;
    private final IntConsumer progress;

    /**
     * @param reference the model with the full cache
     * @param progress is told of policies that are through with a window: how many
     */
    public DivergenceRun(
            Model model, Model reference, List<Retention> policies, IntConsumer progress) {
        this.model = model;
        this.reference = reference;
        this.policies = policies;
        this.progress = progress;
    }

    /** Tokens that are generated behind a context. */
    public static int length() {
        return LENGTH;
    }

    /**
     * One result per policy, in their order.
     *
     * @param windows of contexts of one length, at least one
     */
    public List<DivergenceResult> measure(List<TextWindow> windows) {
        int context = windows.get(0).context();
        List<DivergenceResult> results = new ArrayList<>();
        policies.forEach(
                policy ->
                        results.add(
                                new DivergenceResult(policy, context, new ArrayList<>(), LENGTH)));
        for (TextWindow window : windows) {
            int[] prompt = Arrays.copyOf(window.tokens(), context);
            int[] full = generate(reference, List.of(Retention.FULL), prompt).get(0);
            progress.accept(1);
            int batch = batch(context);
            for (int from = 0; from < policies.size(); from += batch) {
                int to = Math.min(from + batch, policies.size());
                List<int[]> generated = generate(model, policies.subList(from, to), prompt);
                for (int i = from; i < to; i++) {
                    int same = DivergenceResult.identical(full, generated.get(i - from));
                    results.get(i).identical().add(same);
                }
                progress.accept(to - from);
            }
        }
        return results;
    }

    private int batch(int context) {
        CacheLayout layout = model.cacheLayout();
        long bytes = layout.poolBytes(layout.pagesFor(context + LENGTH));
        return (int) Math.min(MAX_BATCH_TOKENS, Math.max(1, MAX_POOL_BYTES / bytes));
    }

    /** Tokens by policy. */
    private static List<int[]> generate(Model model, List<Retention> policies, int[] prompt) {
        CacheLayout layout = model.cacheLayout();
        long pages = 0;
        for (Retention policy : policies) {
            pages +=
                    layout.pagesFor(
                            Sequence.positionsNeeded(
                                    Transcript.EMPTY,
                                    prompt.length,
                                    LENGTH,
                                    policy,
                                    model.spec().contextLength()));
        }
        GeneratorOptions options =
                new GeneratorOptions(layout.poolBytes(pages), MAX_BATCH_TOKENS, policies.size());
        try (Generator generator = new Generator(model, options)) {
            List<Sequence> sequences = new ArrayList<>();
            for (Retention policy : policies) {
                Sequence sequence =
                        new Sequence(
                                generator.newCache(),
                                Transcript.EMPTY,
                                prompt,
                                PARAMS,
                                policy,
                                null);
                generator.submit(sequence);
                sequences.add(sequence);
            }
            while (generator.liveSequences() > 0) {
                generator.step();
            }
            return sequences.stream().map(Sequence::generated).toList();
        }
    }
}
