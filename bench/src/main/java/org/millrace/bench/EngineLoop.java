// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.millrace.engine.Model;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * Runs workloads on a bare {@link Generator}. Prefill is a turn of one token, decode a second turn
 * on the same caches, so that no step of one phase does work of the other. Prompts are random token
 * ids, as llama.cpp's benchmarks use.
 */
final class EngineLoop {
    private static final long SEED = 42;

    private final Model model;
    private final Generator generator;

    /** The caller closes both. */
    EngineLoop(Model model, Generator generator) {
        this.model = model;
        this.generator = generator;
    }

    /**
     * Runs a workload once; returns the tokens per second of the phase that counts, all sessions
     * together.
     */
    double tokensPerSecond(Workload workload) {
        List<Sequence> prompts = prompts(workload);
        try {
            double prefillSeconds = secondsToFinish(prompts);
            if (workload.phase() == Workload.Phase.PREFILL) {
                return workload.sessions() * workload.promptTokens() / prefillSeconds;
            }
            double decodeSeconds = secondsToFinish(nextTurns(prompts, workload));
            return workload.sessions() * workload.generatedTokens() / decodeSeconds;
        } finally {
            prompts.forEach(prompt -> prompt.cache().close());
        }
    }

    private List<Sequence> prompts(Workload workload) {
        Random random = new Random(SEED);
        GenerationParams oneToken = greedy(1);
        List<Sequence> sequences = new ArrayList<>();
        for (int i = 0; i < workload.sessions(); i++) {
            int[] prompt =
                    random.ints(workload.promptTokens(), 0, model.spec().vocabSize()).toArray();
            SessionCache cache = generator.newCache();
            sequences.add(
                    new Sequence(cache, Transcript.EMPTY, prompt, oneToken, Retention.FULL, null));
        }
        return sequences;
    }

    /**
     * The only token not in a cache is the one that ended prefill: the first step already decodes.
     */
    private static List<Sequence> nextTurns(List<Sequence> prompts, Workload workload) {
        GenerationParams params = greedy(workload.generatedTokens());
        return prompts.stream()
                .map(
                        p ->
                                new Sequence(
                                        p.cache(),
                                        p.transcript(),
                                        new int[0],
                                        params,
                                        Retention.FULL,
                                        null))
                .toList();
    }

    private double secondsToFinish(List<Sequence> sequences) {
        long start = System.nanoTime();
        sequences.forEach(generator::submit);
        while (generator.liveSequences() > 0) {
            generator.step();
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private static GenerationParams greedy(int maxTokens) {
        return new GenerationParams(maxTokens, 0f, 0, 1f, 0f, 1f, 0, List.of(), true, false);
    }
}
