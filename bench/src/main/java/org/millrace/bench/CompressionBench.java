// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
import org.millrace.engine.kvcache.StoredCache;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * What one retention policy costs and saves on the bare engine, in a process of its own. Prints an
 * {@link EngineCosts} as JSON.
 *
 * <p>Arguments: model file, cache type, threads, device, sessions, context in tokens, retention.
 */
final class CompressionBench {
    /** Prompt of the prefill that is timed. */
    private static final int PREFILL_TOKENS = 1024;

    private static final int SHORT_TOKENS = 16;
    private static final int GENERATED_TOKENS = 32;
    private static final int REPEATS = 9;

    /**
     * What a policy takes and gives on the engine.
     *
     * @param prefillSeconds of 1,024 tokens, compaction and replay included
     * @param fullPrefillSeconds of the same tokens with nothing measured or dropped, in turn with
     *     it
     * @param compactSeconds of it, choosing and moving slots
     * @param keptShare of the context's slots, over all heads
     * @param cacheBytes pool bytes of one session after its context
     * @param fullBytes the same uncompressed
     * @param savedBytes what one session takes in state
     * @param stepMillis decode step of all sessions at the context's length
     * @param shortStepMillis the same at hardly any length: all but attention
     * @param tokensPerSecond of all sessions together at the context's length
     * @param residentBytes of the process with all sessions in the pool
     */
    record EngineCosts(
            double prefillSeconds,
            double fullPrefillSeconds,
            double compactSeconds,
            double keptShare,
            long cacheBytes,
            long fullBytes,
            long savedBytes,
            double stepMillis,
            double shortStepMillis,
            double tokensPerSecond,
            long residentBytes) {}

    /** A session after its context, to be had again and again. */
    private record Encoded(byte[] sequence, StoredCache cache) {}

    private final Model model;
    private final Generator generator;
    private final Retention retention;
    private final int sessions;
    private double compactSeconds;
    private double keptShare = 1;

    private CompressionBench(Model model, Generator generator, Retention retention, int sessions) {
        this.model = model;
        this.generator = generator;
        this.retention = retention;
        this.sessions = sessions;
    }

    public static void main(String[] args) throws Exception {
        ModelOptions options =
                new ModelOptions(
                        KvType.valueOf(args[1]),
                        ModelOptions.defaults().activations(),
                        args[3],
                        Integer.parseInt(args[2]));
        int sessions = Integer.parseInt(args[4]);
        int context = Integer.parseInt(args[5]);
        try (Model model = Model.open(Path.of(args[0]), options)) {
            CacheLayout layout = model.cacheLayout();
            long pages = (sessions + 1) * layout.pagesFor(context + PREFILL_TOKENS);
            GeneratorOptions limits =
                    new GeneratorOptions(layout.poolBytes(pages), 256, Math.max(2, sessions));
            try (Generator generator = new Generator(model, limits)) {
                CompressionBench bench =
                        new CompressionBench(model, generator, Retention.parse(args[6]), sessions);
                System.out.println(new ObjectMapper().writeValueAsString(bench.run(context)));
            }
        }
    }

    private EngineCosts run(int context) throws IOException {
        prefillSeconds(retention);
        List<Double> prefills = new ArrayList<>();
        List<Double> fullPrefills = new ArrayList<>();
        List<Double> compactions = new ArrayList<>();
        for (int i = 0; i < REPEATS; i++) {
            fullPrefills.add(prefillSeconds(Retention.FULL));
            prefills.add(prefillSeconds(retention));
            compactions.add(compactSeconds);
        }
        double shortStepMillis = 1e3 * stepSeconds(encode(SHORT_TOKENS));
        Sequence encoding = prefill(context, retention);
        long cacheBytes = encoding.cache().bytes();
        long fullBytes = encoding.cache().fullBytes();
        double keptOfContext = keptShare;
        Encoded encoded = save(encoding);
        double stepSeconds = stepSeconds(encoded);
        return new EngineCosts(
                Comparison.median(prefills),
                Comparison.median(fullPrefills),
                Comparison.median(compactions),
                keptOfContext,
                cacheBytes,
                fullBytes,
                encoded.cache().bytes(),
                1e3 * stepSeconds,
                shortStepMillis,
                sessions / stepSeconds,
                residentBytes());
    }

    private double prefillSeconds(Retention asked) {
        long begin = System.nanoTime();
        Sequence sequence = prefill(PREFILL_TOKENS, asked);
        double seconds = (System.nanoTime() - begin) / 1e9;
        generator.cancel(sequence, FinishReason.CANCELLED);
        sequence.cache().close();
        return seconds;
    }

    /** A session with its prompt encoded and compressed, and its first token. */
    private Sequence prefill(int tokens, Retention asked) {
        GenerationParams params =
                new GenerationParams(
                        GENERATED_TOKENS, 0f, 0, 1f, 0f, 1f, 0, List.of(), true, false);
        int[] prompt = model.tokenizer().encode(TextWorkload.text(tokens, 7), false);
        Sequence sequence =
                new Sequence(
                        generator.newCache(),
                        Transcript.EMPTY,
                        Arrays.copyOf(prompt, tokens),
                        params,
                        asked,
                        null);
        generator.submit(sequence);
        compactSeconds = 0;
        while (sequence.isPrefilling() || sequence.isCompactionAhead()) {
            StepResult step = generator.step();
            compactSeconds += step.compactNanos() / 1e9;
            for (StepResult.Compacted compacted : step.compacted()) {
                keptShare =
                        compacted.heads().stream()
                                        .mapToDouble(head -> head.kept().cardinality())
                                        .average()
                                        .orElseThrow()
                                / compacted.columns();
            }
        }
        return sequence;
    }

    private Encoded encode(int tokens) {
        return save(prefill(tokens, retention));
    }

    private Encoded save(Sequence sequence) {
        Encoded encoded = new Encoded(sequence.save(), new StoredCache(sequence.cache(), null));
        generator.cancel(sequence, FinishReason.CANCELLED);
        sequence.cache().close();
        return encoded;
    }

    /** Seconds of a decode step of as many copies of a session as the batch holds. */
    private double stepSeconds(Encoded encoded) {
        List<Sequence> copies = new ArrayList<>();
        for (int i = 0; i < sessions; i++) {
            Sequence copy =
                    Sequence.restore(
                            encoded.sequence(), generator.restoreCache(encoded.cache()), null);
            generator.submit(copy);
            copies.add(copy);
        }
        generator.step();
        long begin = System.nanoTime();
        int steps = 0;
        while (generator.liveSequences() > 0) {
            generator.step();
            steps++;
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        copies.forEach(copy -> copy.cache().close());
        return seconds / steps;
    }

    private static long residentBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new IOException("no VmRSS in /proc/self/status");
    }
}
