// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.millrace.engine.Model;
import org.millrace.engine.batch.LogProbabilities;
import org.millrace.engine.batch.Scorer;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace score}: how likely a model finds a text, teacher-forced. */
@Command(name = "score", description = "Tells how likely the model finds each token of a text.")
final class ScoreCommand implements Callable<Integer> {
    @ArgGroup(multiplicity = "1")
    private Text text;

    @Option(
            names = "--logits",
            paramLabel = "FILE.npy",
            description = "Write the float32 logits after each token, shape (tokens, vocabulary).")
    private Path logitsFile;

    @Mixin private ModelArguments modelArguments;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    private final PrintStream out = System.out;

    private static final class Text {
        @Option(
                names = "--text",
                required = true,
                paramLabel = "FILE",
                description = "A UTF-8 text, scored as it is, without chat template.")
        private Path file;

        @Option(
                names = "--token-ids",
                required = true,
                paramLabel = "IDS.json",
                description = "The text as a list of token ids.")
        private Path tokenIds;
    }

    @Override
    public Integer call() throws IOException {
        try (Model model = modelArguments.open()) {
            int[] tokens =
                    text.file == null
                            ? InputFiles.tokenIds(text.tokenIds, model.spec().vocabSize())
                            : GenerateCommand.plainTokens(
                                    model.tokenizer(), InputFiles.text(text.file));
            check(tokens, model);
            float[] logprobs = new float[Math.max(0, tokens.length - 1)];
            int[] best = new int[tokens.length];
            score(model, tokens, logprobs, best);
            report(tokens, logprobs, best);
        }
        return 0;
    }

    /** Whether the model can take a text, told before any work is done. */
    static void check(int[] tokens, Model model) throws IOException {
        int limit = model.spec().contextLength();
        if (tokens.length < 1 || tokens.length > limit) {
            throw new IOException(
                    "bad length of the text: tokens="
                            + tokens.length
                            + ", must be in [1, "
                            + limit
                            + "], the model's context");
        }
    }

    private void score(Model model, int[] tokens, float[] logprobs, int[] best) throws IOException {
        int vocabSize = model.spec().vocabSize();
        try (NpyWriter npy =
                        logitsFile == null
                                ? null
                                : NpyWriter.create(logitsFile, tokens.length, vocabSize);
                Progress progress = Progress.start("Score", tokens.length)) {
            new Scorer(model)
                    .score(
                            tokens,
                            (position, logits) -> {
                                LogProbabilities after = new LogProbabilities(logits);
                                best[position] = after.best();
                                if (position + 1 < tokens.length) {
                                    logprobs[position] = after.of(tokens[position + 1]);
                                }
                                if (npy != null) {
                                    npy.write(logits);
                                }
                                progress.stepTo(position + 1L);
                            });
        } catch (IOException | UncheckedIOException e) {
            throw new IOException("cannot write " + logitsFile + ": " + e, e);
        }
    }

    private void report(int[] tokens, float[] logprobs, int[] best) throws IOException {
        double sum = 0;
        for (float logprob : logprobs) {
            sum -= logprob;
        }
        double nll = logprobs.length == 0 ? 0 : sum / logprobs.length;
        if (!json) {
            out.printf(
                    Locale.ROOT,
                    "%d tokens, negative log likelihood %.4f per token, perplexity %.3f%n",
                    tokens.length,
                    nll,
                    Math.exp(nll));
            return;
        }
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode document = mapper.createObjectNode();
        document.set("tokens", mapper.valueToTree(tokens));
        document.set("logprobs", mapper.valueToTree(logprobs));
        document.put("nll", nll);
        document.set("top1", mapper.valueToTree(best));
        out.println(mapper.writeValueAsString(document));
    }
}
