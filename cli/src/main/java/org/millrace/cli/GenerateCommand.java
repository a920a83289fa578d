// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.millrace.engine.Model;
import org.millrace.engine.batch.FinishReason;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.StepResult;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.engine.model.ChatTemplate.Message;
import org.millrace.engine.model.Tokenizer;
import org.millrace.jobs.RetentionArguments;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code millrace generate}: one prompt through the engine, without Flink and Kafka. */
@Command(name = "generate", description = "Generates text for one prompt, without Flink and Kafka.")
final class GenerateCommand implements Callable<Integer> {
    private static final int MAX_BATCH_TOKENS = 256;
    private static final double MIB = 1 << 20;

    @ArgGroup(multiplicity = "1")
    private Prompt prompt;

    @Option(
            names = "--chat",
            description = "The prompt is a user's message in the model's chat template.")
    private boolean chat;

    @Mixin private SamplingArguments sampling;
    @Mixin private ModelArguments modelArguments;

    @Mixin private RetentionArguments retentionArguments;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Option(
            names = "--show-kept",
            description =
                    "With --json: the positions that each head kept, after the prompt and at the end.")
    private boolean showKept;

    @Spec private CommandSpec spec;

    private final PrintStream out = System.out;
    private double prefillSeconds;
    private double decodeSeconds;

    private static final class Prompt {
        @Option(
                names = "--prompt",
                required = true,
                paramLabel = "TEXT",
                description = "The prompt.")
        private String text;

        @Option(
                names = "--chat-file",
                required = true,
                paramLabel = "MESSAGES.json",
                description = "A conversation: a list of objects with role and content.")
        private Path chatFile;

        @Option(
                names = "--token-ids",
                required = true,
                paramLabel = "IDS.json",
                description = "The prompt as a list of token ids.")
        private Path tokenIds;
    }

    @Override
    public Integer call() throws IOException {
        GenerationParams params = params();
        Retention retention = retentionArguments.retention(RetentionPolicies.DEFAULT);
        CacheReport cacheReport = new CacheReport(showKept);
        try (Model model = modelArguments.open()) {
            int[] tokens = promptTokens(model);
            check(tokens, model);
            try (Generator generator =
                    new Generator(model, generatorOptions(model, tokens, params, retention))) {
                Sequence sequence =
                        new Sequence(
                                generator.newCache(),
                                Transcript.EMPTY,
                                tokens,
                                params,
                                retention,
                                null);
                generator.submit(sequence);
                generate(generator, sequence, cacheReport);
                report(generator, sequence, cacheReport);
            }
        }
        return 0;
    }

    private GenerationParams params() {
        if (chat && prompt.text == null) {
            throw new ParameterException(spec.commandLine(), "--chat goes with --prompt only");
        }
        if (showKept && !json) {
            throw new ParameterException(spec.commandLine(), "--show-kept goes with --json only");
        }
        try {
            return sampling.params();
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage());
        }
    }

    private int[] promptTokens(Model model) throws IOException {
        if (prompt.tokenIds != null) {
            return InputFiles.tokenIds(prompt.tokenIds, model.spec().vocabSize());
        }
        if (prompt.chatFile != null) {
            return model.chatTemplate().encodeFirstTurn(InputFiles.messages(prompt.chatFile));
        }
        if (prompt.text.isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(), "empty prompt: --prompt must have text");
        }
        return chat
                ? model.chatTemplate().encodeFirstTurn(List.of(new Message("user", prompt.text)))
                : plainTokens(model.tokenizer(), prompt.text);
    }

    /** Tokens of a plain text, with the beginning-of-sequence token where the model wants it. */
    static int[] plainTokens(Tokenizer tokenizer, String text) {
        int[] tokens = tokenizer.encode(text, false);
        if (tokenizer.beginOfSequence() < 0) {
            return tokens;
        }
        int[] withBegin = new int[tokens.length + 1];
        withBegin[0] = tokenizer.beginOfSequence();
        System.arraycopy(tokens, 0, withBegin, 1, tokens.length);
        return withBegin;
    }

    private static void check(int[] tokens, Model model) throws IOException {
        int limit = model.spec().contextLength() - 1;
        if (tokens.length < 1 || tokens.length > limit) {
            throw new IOException(
                    "bad length of the prompt: promptTokens="
                            + tokens.length
                            + ", must be in [1, "
                            + limit
                            + "], one below the model's context");
        }
    }

    /** A pool of just the size that this sequence can need. */
    private static GeneratorOptions generatorOptions(
            Model model, int[] tokens, GenerationParams params, Retention retention) {
        CacheLayout layout = model.cacheLayout();
        int positions =
                Sequence.positionsNeeded(
                        Transcript.EMPTY,
                        tokens.length,
                        params.maxTokens(),
                        retention,
                        model.spec().contextLength());
        return new GeneratorOptions(
                layout.poolBytes(layout.pagesFor(positions)), MAX_BATCH_TOKENS, 1);
    }

    private void generate(Generator generator, Sequence sequence, CacheReport cacheReport) {
        long begin = System.nanoTime();
        try (Progress progress = Progress.start("Prompt", sequence.promptTokens())) {
            while (sequence.isPrefilling() && generator.liveSequences() > 0) {
                take(generator.step(), cacheReport);
                progress.stepTo(sequence.nextPosition());
            }
        }
        long prefilled = System.nanoTime();
        while (generator.liveSequences() > 0) {
            take(generator.step(), cacheReport);
        }
        prefillSeconds = (prefilled - begin) / 1e9;
        decodeSeconds = (System.nanoTime() - prefilled) / 1e9;
    }

    private void take(StepResult step, CacheReport cacheReport) {
        cacheReport.watch(step);
        if (!json) {
            step.tokens().forEach(token -> out.print(token.text()));
            out.flush();
        }
    }

    private void report(Generator generator, Sequence sequence, CacheReport cacheReport)
            throws IOException {
        int[] promptTokens = Arrays.copyOf(sequence.tokens(), sequence.promptEnd());
        int[] tokens = sequence.generated();
        if (!json) {
            out.println();
            System.err.printf(
                    Locale.ROOT,
                    "%d prompt tokens in %.2f s (%.0f/s), %d generated in %.2f s (%.1f/s), cache %.1f of %.1f MiB, finish reason %s%n",
                    promptTokens.length,
                    prefillSeconds,
                    promptTokens.length / prefillSeconds,
                    tokens.length,
                    decodeSeconds,
                    Math.max(0, tokens.length - 1) / decodeSeconds,
                    sequence.cache().bytes() / MIB,
                    sequence.cache().fullBytes() / MIB,
                    reason(sequence));
            return;
        }
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode document = mapper.createObjectNode();
        document.set("prompt_tokens", mapper.valueToTree(promptTokens));
        document.set("tokens", mapper.valueToTree(tokens));
        document.put("text", sequence.text());
        document.put("finish_reason", reason(sequence));
        document.set("logprobs", mapper.valueToTree(sequence.logprobs()));
        document.putObject("timings")
                .put("prefill_seconds", prefillSeconds)
                .put("decode_seconds", decodeSeconds);
        if (sequence.finishReason() != FinishReason.NON_FINITE) {
            generator.computeLast(sequence);
        }
        cacheReport.write(sequence, document.putObject("cache"));
        out.println(mapper.writeValueAsString(document));
    }

    private static String reason(Sequence sequence) {
        return sequence.finishReason().name().toLowerCase(Locale.ROOT);
    }
}
