package org.millrace.jobs.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.millrace.engine.Model;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.jobs.eval.Ablation;
import org.millrace.jobs.eval.ComparedMethod;
import org.millrace.jobs.eval.EvalTexts;
import org.millrace.jobs.eval.PolicyGrid;
import org.millrace.jobs.eval.QualityCurves;
import org.millrace.jobs.eval.QualityResult;
import org.millrace.jobs.eval.QualityRun;
import org.millrace.jobs.eval.QualityTable;
import org.millrace.jobs.eval.TextWindow;
import picocli.CommandLine.Command;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code millrace eval}: what retention policies cost in quality, and what they save in bytes. */
@Command(
        name = "eval",
        defaultValueProvider = EvalCommand.FloatActivations.class,
        description = {
            "Measures what compression does to a model's predictions.",
            "Each context is encoded, compressed as in real use, and the text's continuation is"
                    + " predicted token by token, beside the full cache."
        })
final class EvalCommand implements Callable<Integer> {
    private static final List<String> POLICIES =
            List.of(
                    "full",
                    "fastgen",
                    "fastgen-paper",
                    "kvzip",
                    "snapkv",
                    "h2o",
                    "streaming",
                    "random");

    @Option(
            names = "--policy",
            paramLabel = "POLICY",
            description =
                    "A policy with options, such as 'fastgen recovery=0.9'; may be repeated. One that names no"
                            + " budget is measured at all of --keep and --recovery (default: full, fastgen,"
                            + " fastgen-paper, kvzip, snapkv, h2o, streaming, random).")
    private List<String> policies = POLICIES;

    @Option(
            names = "--keep",
            split = ",",
            paramLabel = "SHARE",
            defaultValue = "0.75,0.5,0.25",
            description = "Shares of slots to keep (default: ${DEFAULT-VALUE}).")
    private List<Double> keeps;

    @Option(
            names = "--recovery",
            split = ",",
            paramLabel = "T",
            defaultValue = "0.98,0.95,0.9",
            description = "Attention to recover (default: ${DEFAULT-VALUE}).")
    private List<Double> recoveries;

    @Option(
            names = "--context",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "512,1024",
            description = "Lengths of contexts (default: ${DEFAULT-VALUE}).")
    private List<Integer> contexts;

    @Option(
            names = "--continuation",
            paramLabel = "TOKENS",
            defaultValue = "256",
            description = "Tokens that are predicted behind each (default: ${DEFAULT-VALUE}).")
    private int continuation;

    @Option(
            names = "--windows",
            paramLabel = "N",
            defaultValue = "4",
            description =
                    "Most contexts of each text and length; fewer where they would overlap (default: ${DEFAULT-VALUE}).")
    private int windows;

    @Option(
            names = "--texts",
            defaultValue = "tuning",
            description =
                    "Bundled texts: tuning, to choose settings on, or report, to publish figures of: ${COMPLETION-CANDIDATES}"
                            + " (default: ${DEFAULT-VALUE}).")
    private EvalTexts.Set texts;

    @Option(
            names = "--text",
            paramLabel = "FILE",
            description = "A UTF-8 text instead of the bundled ones; may be repeated.")
    private List<Path> files = new ArrayList<>();

    @Option(
            names = "--ablation",
            paramLabel = "T",
            description =
                    "Also the paper's ladder with each component left out and in other orders, at this T.")
    private Double ablation;

    @Option(
            names = "--compare",
            paramLabel = "FILE.json",
            description =
                    "Another method's kept positions: name, and windows with text, context, index and"
                            + " kept[layer][KV head]; may be repeated.")
    private List<Path> compared = new ArrayList<>();

    @Option(
            names = "--windows-file",
            paramLabel = "FILE.json",
            description = "Write the windows and their tokens, for another method to choose on.")
    private Path windowsFile;

    @Mixin private ModelArguments modelArguments;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Option(
            names = "--picture",
            paramLabel = "FILE.png",
            description = "Draw divergence against bytes, a curve for each policy.")
    private Path picture;

    @Spec private CommandSpec spec;

    private final PrintStream out = System.out;

    /** Quantised activations have a noise of their own that hides what compression does. */
    static final class FloatActivations implements IDefaultValueProvider {
        @Override
        public String defaultValue(ArgSpec argument) {
            boolean isActivations =
                    argument instanceof OptionSpec option
                            && option.longestName().equals("--activations");
            return isActivations ? "f32" : null;
        }
    }

    @Override
    public Integer call() throws IOException {
        List<Retention> retentions = retentions();
        checkNumbers();
        Map<String, String> named = texts();
        try (Model model = modelArguments.open()) {
            checkContexts(model);
            List<List<TextWindow>> byContext = new ArrayList<>();
            for (int context : contexts) {
                byContext.add(windows(model, named, context));
            }
            if (windowsFile != null) {
                writeWindows(byContext);
            }
            List<QualityResult> results = measure(model, retentions, methods(model), byContext);
            if (picture != null) {
                QualityCurves.write(results, picture);
            }
            if (json) {
                out.println(json(model, named, results));
            } else {
                out.println(QualityTable.of(results));
            }
        }
        return 0;
    }

    private List<Retention> retentions() {
        try {
            List<String> all = new ArrayList<>(policies);
            if (ablation != null) {
                all.addAll(Ablation.policies(ablation));
            }
            return new PolicyGrid(keeps, recoveries).expand(all);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage());
        }
    }

    private void checkNumbers() {
        check("continuation", continuation, 1);
        check("windows", windows, 1);
        contexts.forEach(context -> check("context", context, 1));
    }

    private void check(String name, int value, int least) {
        if (value < least) {
            throw new ParameterException(
                    spec.commandLine(),
                    "bad " + name + ": " + name + "=" + value + ", must be >= " + least);
        }
    }

    private void checkContexts(Model model) {
        for (int context : contexts) {
            if (context + continuation > model.config().contextLength()) {
                throw new ParameterException(
                        spec.commandLine(),
                        "context too long: context="
                                + context
                                + ", continuation="
                                + continuation
                                + ", must not exceed contextLength="
                                + model.config().contextLength()
                                + " together");
            }
        }
    }

    private Map<String, String> texts() throws IOException {
        if (files.isEmpty()) {
            return EvalTexts.bundled(texts);
        }
        Map<String, String> named = new LinkedHashMap<>();
        for (Path file : files) {
            named.put(file.toString(), InputFiles.text(file));
        }
        return named;
    }

    private List<TextWindow> windows(Model model, Map<String, String> named, int context)
            throws IOException {
        List<TextWindow> all = new ArrayList<>();
        for (Map.Entry<String, String> text : named.entrySet()) {
            int[] tokens = model.tokenizer().encode(text.getValue(), false);
            all.addAll(TextWindow.cut(text.getKey(), tokens, context, continuation, windows));
        }
        return all;
    }

    private List<ComparedMethod> methods(Model model) throws IOException {
        List<ComparedMethod> methods = new ArrayList<>();
        for (Path file : compared) {
            try {
                methods.add(
                        ComparedMethod.read(InputFiles.json(file), model.cacheLayout().numHeads()));
            } catch (IOException e) {
                throw new IOException("cannot use " + file + ": " + e.getMessage(), e);
            }
        }
        return methods;
    }

    private void writeWindows(List<List<TextWindow>> byContext) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ArrayNode list = mapper.createArrayNode();
        for (List<TextWindow> ofContext : byContext) {
            for (TextWindow window : ofContext) {
                ObjectNode node = list.addObject();
                node.put("text", window.text());
                node.put("context", window.context());
                node.put("index", window.index());
                node.set("tokens", mapper.valueToTree(window.tokens()));
            }
        }
        mapper.writeValue(windowsFile.toFile(), list);
    }

    private List<QualityResult> measure(
            Model model,
            List<Retention> retentions,
            List<ComparedMethod> methods,
            List<List<TextWindow>> byContext) {
        long scored =
                (retentions.size() + methods.size() + 1L)
                        * byContext.stream().mapToInt(List::size).sum()
                        * continuation;
        List<QualityResult> results = new ArrayList<>();
        try (Progress progress = Progress.start("Evaluate", scored)) {
            QualityRun run = new QualityRun(model, retentions, methods, progress::stepBy);
            for (List<TextWindow> ofContext : byContext) {
                results.addAll(run.measure(ofContext));
            }
        }
        return results;
    }

    private String json(Model model, Map<String, String> named, List<QualityResult> results)
            throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode document = mapper.createObjectNode();
        document.put("model", model.fingerprint());
        document.put("kv_type", model.options().kvType().name().toLowerCase(Locale.ROOT));
        document.put("activations", model.options().activations().name().toLowerCase(Locale.ROOT));
        document.set("texts", mapper.valueToTree(named.keySet()));
        document.put("continuation", continuation);
        ArrayNode list = document.putArray("results");
        for (QualityResult result : results) {
            list.addObject()
                    .put("policy", result.retention().toString())
                    .put("context", result.context())
                    .put("windows", result.windows())
                    .put("pruned", result.pruned())
                    .put("bytes", result.bytes())
                    .put("bytes_share", result.bytesShare())
                    .put("bytes_share_at_end", result.bytesShareAtEnd())
                    .put("nll", result.loss())
                    .put("nll_gap", result.gap())
                    .put("nll_gap_low", result.gapInterval().low())
                    .put("nll_gap_high", result.gapInterval().high())
                    .put("nll_gap_worst_window", result.worstGap())
                    .put("kl", result.divergence())
                    .put("kl_p99", result.divergence99())
                    .put("kl_worst_window", result.worstDivergence())
                    .put("top1", result.agreement());
        }
        return mapper.writeValueAsString(document);
    }
}
