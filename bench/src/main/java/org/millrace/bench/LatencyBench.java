// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.FinishReason;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.StepResult;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.operators.GenerationOptions;

/**
 * How long others wait while long prompts are computed, on a bare {@link Generator} in a process of
 * its own: a session decodes, six prompts of 2,000 tokens come at once, and then each second one of
 * 40. Batch limits are the job's defaults. Prints {@link Latencies} as JSON. Fails where the C++
 * kernels cannot run.
 *
 * <p>Arguments: model file, cache type, threads, bound on a step's time in milliseconds.
 */
final class LatencyBench {
    private static final int LONG_PROMPTS = 6;
    private static final int LONG_TOKENS = 2_000;
    private static final int LONG_ANSWER = 32;
    private static final int SHORT_PROMPTS = 8;
    private static final int SHORT_TOKENS = 40;
    private static final int SHORT_ANSWER = 16;

    /** More than the session can generate meanwhile. */
    private static final int ENDLESS = 4_000;

    private static final int ALONE = 7;
    private static final long FIRST_SHORT_NANOS = 500_000_000L;
    private static final long NEXT_SHORT_NANOS = 1_000_000_000L;
    private static final int MAX_BATCH_TOKENS = GenerationOptions.MAX_BATCH_TOKENS.defaultValue();

    private final Random random = new Random(42);
    private final Model model;
    private final Generator generator;
    private final List<Long> gapMillis = new ArrayList<>();

    /** A turn of which times are taken; the attachment of its sequence. */
    private static final class Timed {
        private final long arrivedNanos;
        private final List<Long> firstTokenMillis;
        private long lastTokenNanos;

        /**
         * @param firstTokenMillis takes the time to the first token
         */
        Timed(long arrivedNanos, List<Long> firstTokenMillis) {
            this.arrivedNanos = arrivedNanos;
            this.firstTokenMillis = firstTokenMillis;
        }
    }

    private LatencyBench(Model model, Generator generator) {
        this.model = model;
        this.generator = generator;
    }

    public static void main(String[] args) throws Exception {
        ModelOptions options =
                new ModelOptions(
                        KvType.valueOf(args[1]),
                        ModelOptions.defaults().activations(),
                        "cpu",
                        Integer.parseInt(args[2]));
        try (Model model = Model.open(Path.of(args[0]), options);
                Generator generator =
                        new Generator(model, options(model, Integer.parseInt(args[3])))) {
            LatencyBench bench = new LatencyBench(model, generator);
            System.out.println(new ObjectMapper().writeValueAsString(bench.run()));
        }
    }

    private static GeneratorOptions options(Model model, int maxStepMillis) {
        CacheLayout layout = model.cacheLayout();
        long pages =
                layout.pagesFor(SHORT_TOKENS + ENDLESS)
                        + LONG_PROMPTS * layout.pagesFor(LONG_TOKENS + LONG_ANSWER)
                        + SHORT_PROMPTS * layout.pagesFor(SHORT_TOKENS + SHORT_ANSWER);
        return new GeneratorOptions(
                layout.poolBytes(pages),
                MAX_BATCH_TOKENS,
                1 + LONG_PROMPTS + SHORT_PROMPTS,
                maxStepMillis);
    }

    private Latencies run() {
        drain(submit(LONG_TOKENS, LONG_ANSWER, System.nanoTime(), new ArrayList<>()));
        List<Long> aloneMillis = new ArrayList<>();
        for (int i = 0; i < ALONE; i++) {
            drain(submit(SHORT_TOKENS, SHORT_ANSWER, System.nanoTime(), aloneMillis));
        }
        Sequence endless = submit(SHORT_TOKENS, ENDLESS, System.nanoTime(), new ArrayList<>());
        while (endless.isPrefilling()) {
            step();
        }
        gapMillis.clear();
        int before = endless.generated().length;
        List<Long> shortMillis = new ArrayList<>();
        List<Long> longMillis = new ArrayList<>();
        double seconds = beside(shortMillis, longMillis);
        int tokens = endless.generated().length - before;
        generator.cancel(endless, FinishReason.CANCELLED);
        return new Latencies(
                ascending(aloneMillis),
                ascending(shortMillis),
                ascending(longMillis),
                ascending(gapMillis),
                LONG_PROMPTS * (LONG_TOKENS + LONG_ANSWER)
                        + SHORT_PROMPTS * (SHORT_TOKENS + SHORT_ANSWER)
                        + tokens,
                seconds);
    }

    private double beside(List<Long> shortMillis, List<Long> longMillis) {
        long begin = System.nanoTime();
        for (int i = 0; i < LONG_PROMPTS; i++) {
            submit(LONG_TOKENS, LONG_ANSWER, begin, longMillis);
        }
        Queue<Long> arrivals = new ArrayDeque<>();
        for (int i = 0; i < SHORT_PROMPTS; i++) {
            arrivals.add(begin + FIRST_SHORT_NANOS + i * NEXT_SHORT_NANOS);
        }
        while (!arrivals.isEmpty() || generator.liveSequences() > 1) {
            while (!arrivals.isEmpty() && arrivals.element() <= System.nanoTime()) {
                submit(SHORT_TOKENS, SHORT_ANSWER, arrivals.remove(), shortMillis);
            }
            step();
        }
        return (System.nanoTime() - begin) / 1e9;
    }

    private Sequence submit(
            int promptTokens, int maxTokens, long arrivedNanos, List<Long> firstTokenMillis) {
        int[] prompt = random.ints(promptTokens, 0, model.spec().vocabSize()).toArray();
        Sequence sequence =
                new Sequence(
                        generator.newCache(),
                        Transcript.EMPTY,
                        prompt,
                        new GenerationParams(
                                maxTokens, 0f, 0, 1f, 0f, 1f, 0, List.of(), true, false),
                        Retention.FULL,
                        new Timed(arrivedNanos, firstTokenMillis));
        generator.submit(sequence);
        return sequence;
    }

    private void drain(Sequence sequence) {
        while (sequence.finishReason() == null) {
            step();
        }
    }

    private void step() {
        StepResult result = generator.step();
        long now = System.nanoTime();
        for (StepResult.Token token : result.tokens()) {
            Timed timed = (Timed) token.sequence().attachment();
            if (token.index() == 0) {
                timed.firstTokenMillis.add(millis(now - timed.arrivedNanos));
            } else {
                gapMillis.add(millis(now - timed.lastTokenNanos));
            }
            timed.lastTokenNanos = now;
        }
        result.finished().forEach(sequence -> sequence.cache().close());
    }

    private static long millis(long nanos) {
        return TimeUnit.NANOSECONDS.toMillis(nanos);
    }

    private static List<Long> ascending(List<Long> values) {
        return values.stream().sorted().toList();
    }
}
