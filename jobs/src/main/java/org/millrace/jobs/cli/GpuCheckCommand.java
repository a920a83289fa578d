package org.millrace.jobs.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kernels.KernelCheck;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.KernelProviders;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.jobs.model.ModelLocator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code millrace gpu-check}: every kernel of the GPU against the Java reference, then a generation
 * against the CPU's.
 */
@Command(
        name = "gpu-check",
        description =
                "Compares the kernels of a GPU with the reference, bit by bit, and its tokens with"
                        + " the processor's. Please report what it prints.")
final class GpuCheckCommand implements Callable<Integer> {
    private static final String PROMPT = "The mill by the river";

    /** What the launcher sets to the stand-in driver that it builds. */
    private static final String DRIVER_PROPERTY = "millrace.cuda.driver";

    private static final int POOL_BYTES = 256 << 20;

    @Option(
            names = "--model",
            paramLabel = "FILE|DIR|HUB_ID",
            description = "For the generation (default: SmolLM2-135M-Instruct, fetched once).")
    private String model;

    @Option(
            names = "--device",
            defaultValue = "cuda",
            description = "cuda or cuda:N (default: ${DEFAULT-VALUE}).")
    private String device;

    @Option(
            names = "--emulated",
            description =
                    "Run the kernels on the emulated device of the tests, without a GPU; slow."
                            + " Needs the source tree and g++.")
    private boolean emulated;

    @Option(
            names = "--seed",
            defaultValue = "1",
            description = "Of the random shapes (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--max-tokens",
            defaultValue = "16",
            description = "Of the generation (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Spec private CommandSpec spec;

    private record Generation(List<Integer> tokens, double prefillSeconds, double decodeSeconds) {}

    @Override
    public Integer call() throws IOException {
        if (emulated && System.getProperty(DRIVER_PROPERTY) == null) {
            throw new IOException(
                    "no emulated device: it is built by ./millrace gpu-check --emulated in the"
                            + " source tree");
        }
        String name;
        List<KernelCheck.Result> kernels;
        try (KernelProvider tested = KernelProviders.lookup(device, 0)) {
            name = tested.name();
            kernels = KernelCheck.run(tested, seed);
        }
        Generation expected = generate("cpu");
        Generation actual = generate(device);
        boolean sameTokens = expected.tokens().equals(actual.tokens());
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(document(name, kernels, actual, sameTokens));
        } else {
            report(out, name, kernels, actual, sameTokens);
        }
        return sameTokens && kernels.stream().allMatch(KernelCheck.Result::equal) ? 0 : 1;
    }

    private Generation generate(String provider) throws IOException {
        ModelOptions defaults = ModelOptions.defaults();
        ModelOptions options =
                new ModelOptions(defaults.kvType(), defaults.activations(), provider, 0);
        try (Model opened = Model.open(ModelLocator.locate(model), options);
                Generator generator =
                        new Generator(opened, new GeneratorOptions(POOL_BYTES, 256, 1))) {
            int[] prompt = GenerateCommand.plainTokens(opened.tokenizer(), PROMPT);
            GenerationParams params = GenerationParams.greedy(maxTokens);
            Sequence sequence =
                    new Sequence(
                            generator.newCache(),
                            Transcript.EMPTY,
                            prompt,
                            params,
                            Retention.FULL,
                            null);
            generator.submit(sequence);
            List<Integer> tokens = new ArrayList<>();
            long start = System.nanoTime();
            long first = start;
            while (generator.liveSequences() > 0) {
                generator.step().tokens().forEach(token -> tokens.add(token.id()));
                first = tokens.size() <= 1 ? System.nanoTime() : first;
            }
            return new Generation(tokens, (first - start) / 1e9, (System.nanoTime() - first) / 1e9);
        }
    }

    private static void report(
            PrintWriter out,
            String name,
            List<KernelCheck.Result> kernels,
            Generation actual,
            boolean sameTokens) {
        out.println("device: " + name);
        for (KernelCheck.Result result : kernels) {
            out.printf(
                    "%-12s %-45s %s%n",
                    result.kernel(),
                    result.shape(),
                    result.equal() ? "equal" : "DIFFERENT " + result.difference());
        }
        out.printf(
                "generation of %d tokens: %s; prompt %.3f s, %.1f tokens/s after%n",
                actual.tokens().size(),
                sameTokens ? "equal" : "DIFFERENT",
                actual.prefillSeconds(),
                (actual.tokens().size() - 1) / actual.decodeSeconds());
    }

    private static String document(
            String name, List<KernelCheck.Result> kernels, Generation actual, boolean sameTokens)
            throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode document = mapper.createObjectNode();
        document.put("device", name);
        ArrayNode list = document.putArray("kernels");
        for (KernelCheck.Result result : kernels) {
            list.addObject()
                    .put("name", result.kernel())
                    .put("shape", result.shape())
                    .put("equal", result.equal())
                    .put("difference", result.difference());
        }
        ObjectNode generation = document.putObject("generation");
        generation.put("equal", sameTokens);
        generation.set("tokens", mapper.valueToTree(actual.tokens()));
        generation.put("prefill_seconds", actual.prefillSeconds());
        generation.put("decode_seconds", actual.decodeSeconds());
        return mapper.writeValueAsString(document);
    }
}
