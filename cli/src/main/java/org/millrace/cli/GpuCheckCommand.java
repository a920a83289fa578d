// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.millrace.client.model.ModelLocator;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.DrawCheck;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kernels.DeviceLimits;
import org.millrace.engine.kernels.KernelCheck;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.KernelProviders;
import org.millrace.engine.kernels.KernelSpeed;
import org.millrace.engine.kvcache.policy.Retention;
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

    /** Of the generation on a card. */
    private static final int PROMPT_TOKENS = 512;

    private static final int POOL_BYTES = 256 << 20;

    /** Columns of the matrices that are timed: weights larger than second-level caches. */
    private static final int SPEED_SIZE = 4096;

    @Option(
            names = "--model",
            paramLabel = "NAME|FILE|DIR|HUB_ID",
            description = "For the generation (default: smollm2-135m, fetched once).")
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

    /**
     * Of the device: what is equal, and how fast it is; speed is not measured on an emulated one.
     */
    private record Kernels(
            String device,
            DeviceLimits limits,
            List<KernelCheck.Result> checks,
            List<KernelSpeed.Result> speeds) {}

    private record Generation(
            List<Integer> tokens, int promptTokens, double prefillSeconds, double decodeSeconds) {}

    @Override
    public Integer call() throws IOException {
        if (emulated && System.getProperty(DRIVER_PROPERTY) == null) {
            throw new IOException(
                    "no emulated device: it is built by ./millrace gpu-check --emulated in the"
                            + " source tree");
        }
        Kernels kernels;
        try (KernelProvider tested = KernelProviders.lookup(device, 0)) {
            kernels =
                    new Kernels(
                            tested.name(),
                            tested.limits(),
                            checks(tested),
                            emulated ? List.of() : KernelSpeed.run(tested, SPEED_SIZE, 20));
        }
        PrintWriter out = spec.commandLine().getOut();
        if (!json) {
            report(out, kernels);
            out.flush();
        }
        Generation expected = generate("cpu");
        Generation actual = generate(device);
        boolean sameTokens = expected.tokens().equals(actual.tokens());
        if (json) {
            out.println(document(kernels, actual, sameTokens));
        } else {
            report(out, actual, sameTokens);
        }
        return sameTokens && kernels.checks().stream().allMatch(KernelCheck.Result::equal) ? 0 : 1;
    }

    private List<KernelCheck.Result> checks(KernelProvider tested) {
        List<KernelCheck.Result> checks = new ArrayList<>(KernelCheck.run(tested, seed));
        checks.add(DrawCheck.run(tested, seed));
        return checks;
    }

    private Generation generate(String provider) throws IOException {
        ModelOptions defaults = ModelOptions.defaults();
        ModelOptions options =
                new ModelOptions(defaults.kvType(), defaults.activations(), provider, 0);
        try (Model opened = Model.open(ModelLocator.locate(model), options);
                Generator generator =
                        new Generator(opened, new GeneratorOptions(POOL_BYTES, 256, 1))) {
            int[] prompt = prompt(opened);
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
            return new Generation(
                    tokens,
                    prompt.length,
                    (first - start) / 1e9,
                    (System.nanoTime() - first) / 1e9);
        }
    }

    /** Long enough to be timed; a short one on an emulated device, which takes minutes for more. */
    private int[] prompt(Model opened) {
        int[] text = GenerateCommand.plainTokens(opened.tokenizer(), PROMPT);
        int length = Math.min(PROMPT_TOKENS, opened.spec().contextLength() - maxTokens);
        return emulated
                ? text
                : IntStream.range(0, length).map(i -> text[i % text.length]).toArray();
    }

    private static void report(PrintWriter out, Kernels kernels) {
        out.println("device: " + kernels.device());
        for (KernelCheck.Result result : kernels.checks()) {
            out.printf(
                    "%-12s %-45s %s%n",
                    result.kernel(),
                    result.shape(),
                    result.equal() ? "equal" : "DIFFERENT " + result.difference());
        }
        for (KernelSpeed.Result result : kernels.speeds()) {
            double gigabytes = result.bytes() / result.seconds() / 1e9;
            double teraops = result.operations() / result.seconds() / 1e12;
            out.printf(
                    "%-12s %-70s %9.1f us %8.1f GB/s (%4.1f %% of the card) %7.2f TOP/s (%4.1f %%)%n",
                    result.kernel(),
                    result.shape(),
                    1e6 * result.seconds(),
                    gigabytes,
                    100e9 * gigabytes / kernels.limits().bytesPerSecond(),
                    teraops,
                    100e12 * teraops / kernels.limits().operationsPerSecond());
        }
    }

    private static void report(PrintWriter out, Generation actual, boolean sameTokens) {
        out.printf(
                "generation of %d tokens after %d: %s; prompt %.1f tokens/s, then %.1f tokens/s%n",
                actual.tokens().size(),
                actual.promptTokens(),
                sameTokens ? "equal" : "DIFFERENT",
                actual.promptTokens() / actual.prefillSeconds(),
                (actual.tokens().size() - 1) / actual.decodeSeconds());
    }

    private static String document(Kernels kernels, Generation actual, boolean sameTokens)
            throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode document = mapper.createObjectNode();
        document.put("device", kernels.device());
        ArrayNode list = document.putArray("kernels");
        for (KernelCheck.Result result : kernels.checks()) {
            list.addObject()
                    .put("name", result.kernel())
                    .put("shape", result.shape())
                    .put("equal", result.equal())
                    .put("difference", result.difference());
        }
        ArrayNode speeds = document.putArray("speed");
        for (KernelSpeed.Result result : kernels.speeds()) {
            speeds.addObject()
                    .put("name", result.kernel())
                    .put("shape", result.shape())
                    .put("seconds", result.seconds())
                    .put("bytes", result.bytes())
                    .put("operations", result.operations());
        }
        document.put("limit_bytes_per_second", kernels.limits().bytesPerSecond());
        document.put("limit_operations_per_second", kernels.limits().operationsPerSecond());
        ObjectNode generation = document.putObject("generation");
        generation.put("equal", sameTokens);
        generation.set("tokens", mapper.valueToTree(actual.tokens()));
        generation.put("prompt_tokens", actual.promptTokens());
        generation.put("prefill_seconds", actual.prefillSeconds());
        generation.put("decode_seconds", actual.decodeSeconds());
        return mapper.writeValueAsString(document);
    }
}
