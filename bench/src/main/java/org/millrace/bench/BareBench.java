// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.StepResult;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.model.Tokenizer;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.RequestCheck;
import org.millrace.schemas.PromptRequest;

/**
 * A {@link TextWorkload} on a bare {@link Generator} in a process of its own: sessions wait in a
 * queue and join the batch as there is room. Batch limits and retention are the job's defaults, and
 * the pool holds a full batch. Prompts are tokenised before the clock starts. Prints a {@link
 * Throughput} as JSON. Fails where the C++ kernels cannot run.
 *
 * <p>Arguments: model file, cache type, threads, sessions.
 */
final class BareBench {
    private static final int MAX_BATCH_TOKENS = GenerationOptions.MAX_BATCH_TOKENS.defaultValue();
    private static final int MAX_SEQUENCES = GenerationOptions.MAX_SEQUENCES.defaultValue();
    private static final Retention RETENTION =
            Retention.parse(GenerationOptions.RETENTION.defaultValue());

    private final Model model;
    private final Generator generator;

    private BareBench(Model model, Generator generator) {
        this.model = model;
        this.generator = generator;
    }

    public static void main(String[] args) throws Exception {
        ModelOptions defaults = ModelOptions.defaults();
        ModelOptions options =
                new ModelOptions(
                        KvType.valueOf(args[1]),
                        defaults.activations(),
                        "cpu",
                        Integer.parseInt(args[2]));
        TextWorkload measured = TextWorkload.measured(Integer.parseInt(args[3]));
        try (Model model = Model.open(Path.of(args[0]), options);
                Generator generator = new Generator(model, generatorOptions(model, measured))) {
            BareBench bench = new BareBench(model, generator);
            System.err.println("warmed up: " + bench.run(TextWorkload.warmUp()));
            System.out.println(new ObjectMapper().writeValueAsString(bench.run(measured)));
        }
    }

    private static GeneratorOptions generatorOptions(Model model, TextWorkload workload) {
        // No word of a prompt takes more than two tokens.
        int mostTokens = 2 * TextWorkload.PROMPT_WORDS + workload.generatedTokens();
        CacheLayout layout = model.cacheLayout();
        long poolBytes = layout.poolBytes(MAX_SEQUENCES * layout.pagesFor(mostTokens));
        return new GeneratorOptions(poolBytes, MAX_BATCH_TOKENS, MAX_SEQUENCES);
    }

    private Throughput run(TextWorkload workload) throws BadRequestException {
        List<Sequence> sequences = new ArrayList<>();
        for (PromptRequest request : workload.requests()) {
            sequences.add(sequence(request));
        }
        int contextLength = model.spec().contextLength();
        Queue<Sequence> waiting = new ArrayDeque<>(sequences);
        long generatedTokens = 0;
        long begin = System.nanoTime();
        while (!waiting.isEmpty() || generator.liveSequences() > 0) {
            while (!waiting.isEmpty()
                    && generator.hasRoomFor(waiting.element().positionsNeeded(contextLength))) {
                generator.submit(waiting.remove());
            }
            StepResult step = generator.step();
            generatedTokens += step.tokens().size();
            step.finished().forEach(sequence -> sequence.cache().close());
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        long promptTokens = sequences.stream().mapToLong(Sequence::promptTokens).sum();
        return new Throughput(promptTokens, generatedTokens, seconds, seconds, 0);
    }

    private Sequence sequence(PromptRequest request) throws BadRequestException {
        GenerationParams params = RequestCheck.params(request);
        return new Sequence(
                generator.newCache(),
                Transcript.EMPTY,
                promptTokens(request.getText()),
                params,
                RETENTION,
                null);
    }

    /** As the job does it. */
    private int[] promptTokens(String text) {
        Tokenizer tokenizer = model.tokenizer();
        int[] tokens = tokenizer.encode(text, false);
        if (tokenizer.beginOfSequence() < 0) {
            return tokens;
        }
        int[] withBegin = new int[tokens.length + 1];
        withBegin[0] = tokenizer.beginOfSequence();
        System.arraycopy(tokens, 0, withBegin, 1, tokens.length);
        return withBegin;
    }
}
