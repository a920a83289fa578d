// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.millrace.engine.Model;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.eval.Ablation;
import org.millrace.eval.ComparedMethod;
import org.millrace.eval.DivergenceResult;
import org.millrace.eval.DivergenceRun;
import org.millrace.eval.EvalJson;
import org.millrace.eval.EvalReport;
import org.millrace.eval.EvalTables;
import org.millrace.eval.EvalTexts;
import org.millrace.eval.Evaluation;
import org.millrace.eval.Machine;
import org.millrace.eval.PolicyGrid;
import org.millrace.eval.QualityResult;
import org.millrace.eval.RecallResult;
import org.millrace.eval.TextWindow;
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
            "Measures what compressed caches do to a model, beside the full cache.",
            "predictions: a text's continuation is predicted token by token behind its compressed"
                    + " context: loss, divergence, agreement, bytes.",
            "recall: facts are planted in a context; the right value must be likelier than seven"
                    + " others.",
            "turns: facts are told in the first turn of a conversation and asked for one, two, four"
                    + " and eight turns later.",
            "divergence: text is generated greedily; where does it first differ?"
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

    /** What there is to measure. */
    enum Measurement {
        PREDICTIONS,
        RECALL,
        TURNS,
        DIVERGENCE
    }

    @Option(
            names = "--measure",
            split = ",",
            paramLabel = "WHAT",
            defaultValue = "predictions",
            description = "What is measured: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private Set<Measurement> measurements;

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

    @Option(
            names = "--reference-kv-type",
            description =
                    "Type of the full cache that all is compared with: ${COMPLETION-CANDIDATES}"
                            + " (default: f16 where --kv-type is int8, otherwise the same).")
    private KvType referenceKvType;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Option(
            names = "--report",
            paramLabel = "FILE.html",
            description = "Write all results with curves into one file, for a browser.")
    private Path report;

    @Spec private CommandSpec spec;

    private final PrintStream out = System.out;
    private long beginNanos;
    private List<Retention> retentions;

    /** Of the ablation. */
    private List<Retention> variations;

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
        beginNanos = System.nanoTime();
        retentions = expand(policies);
        variations = ablation == null ? List.of() : expand(Ablation.policies(ablation));
        checkNumbers();
        Map<String, String> named = texts();
        try (Model model = modelArguments.open();
                Model reference = modelArguments.open(referenceKvType())) {
            checkContexts(model);
            List<List<TextWindow>> byContext = new ArrayList<>();
            for (int context : contexts) {
                byContext.add(windows(model, named, context));
            }
            if (windowsFile != null) {
                writeWindows(byContext);
            }
            Evaluation evaluation = measure(model, reference, byContext, named.keySet());
            if (report != null) {
                EvalReport.write(evaluation, report);
            }
            if (json) {
                out.println(EvalJson.of(evaluation));
            } else {
                EvalTables.of(evaluation).forEach(table -> out.println(table.text()));
            }
        }
        return 0;
    }

    /** The full cache of int8 values is not the whole one: it has lost something already. */
    private KvType referenceKvType() {
        if (referenceKvType != null) {
            return referenceKvType;
        }
        return modelArguments.kvType() == KvType.INT8 ? KvType.F16 : modelArguments.kvType();
    }

    private List<Retention> expand(List<String> texts) {
        try {
            return new PolicyGrid(keeps, recoveries).expand(texts);
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
        int following =
                measurements.contains(Measurement.DIVERGENCE)
                        ? Math.max(continuation, DivergenceRun.length())
                        : continuation;
        for (int context : contexts) {
            if (context + following > model.spec().contextLength()) {
                throw new ParameterException(
                        spec.commandLine(),
                        "context too long: context="
                                + context
                                + ", tokens behind it="
                                + following
                                + ", must not exceed contextLength="
                                + model.spec().contextLength()
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

    private Evaluation measure(
            Model model, Model reference, List<List<TextWindow>> windows, Set<String> texts)
            throws IOException {
        EvalMeasurements measured = new EvalMeasurements(model, reference, windows);
        boolean isPredicted = measurements.contains(Measurement.PREDICTIONS);
        List<ComparedMethod> methods = isPredicted ? methods(model) : List.of();
        Set<Retention> predicted = new LinkedHashSet<>(isPredicted ? retentions : List.of());
        predicted.addAll(variations);
        List<QualityResult> results = measured.predictions(List.copyOf(predicted), methods);
        List<RecallResult> recall =
                measurements.contains(Measurement.RECALL) ? measured.recall(retentions) : List.of();
        List<RecallResult> turns =
                measurements.contains(Measurement.TURNS) ? measured.turns(retentions) : List.of();
        List<DivergenceResult> divergence =
                measurements.contains(Measurement.DIVERGENCE)
                        ? measured.divergence(retentions)
                        : List.of();
        return new Evaluation(
                setting(model, texts),
                results.stream().filter(result -> !isOnlyVariation(result)).toList(),
                results.stream().filter(r -> variations.contains(r.retention())).toList(),
                recall,
                turns,
                divergence);
    }

    private boolean isOnlyVariation(QualityResult result) {
        boolean isAskedFor =
                measurements.contains(Measurement.PREDICTIONS)
                        && retentions.contains(result.retention());
        return variations.contains(result.retention()) && !isAskedFor;
    }

    private Evaluation.Setting setting(Model model, Set<String> texts) throws IOException {
        return new Evaluation.Setting(
                commandLine(),
                version(),
                Machine.describe(model.kernels().name()),
                modelArguments.fileName(),
                model.fingerprint(),
                name(model.options().kvType()),
                name(referenceKvType()),
                name(model.options().activations()),
                List.copyOf(texts),
                continuation,
                (System.nanoTime() - beginNanos) / 1e9);
    }

    private static String name(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private String commandLine() {
        return spec.root().commandLine().getParseResult().originalArgs().stream()
                .map(word -> word.matches("[\\w./,:=-]+") ? word : "'" + word + "'")
                .collect(Collectors.joining(" ", "./millrace ", ""));
    }

    /** The build's, and the checkout's where the launcher knows it. */
    private static String version() throws IOException {
        String version = new Millrace.BuildVersion().getVersion()[0];
        String commit = System.getProperty("millrace.commit", "");
        return commit.isEmpty() ? version : version + ", commit " + commit;
    }
}
