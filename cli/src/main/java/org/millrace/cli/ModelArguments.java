// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import java.io.IOException;
import java.nio.file.Path;
import org.millrace.client.model.ModelLocator;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.KernelProviders;
import org.millrace.engine.kvcache.KvType;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which model, and how it is run. */
final class ModelArguments {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--model",
            paramLabel = "NAME|FILE|DIR|HUB_ID",
            description =
                    "A name that millrace models lists, a GGUF file, a Hugging Face directory, or"
                            + " ORG/NAME on the model hub (default: smollm2-135m, fetched once).")
    private String model;

    @Option(
            names = "--kv-type",
            defaultValue = "int8",
            description =
                    "Type of cached keys and values: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private KvType kvType;

    @Option(
            names = "--activations",
            defaultValue = "int8",
            description =
                    "int8 is fast; f32, with dequantised weights, is for comparisons:"
                            + " ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private ActivationType activations;

    @Option(
            names = "--device",
            defaultValue = "auto",
            description =
                    "Where kernels run: auto (a GPU if there is one), cuda or cuda:N, cpu (C++;"
                            + " cpu-avx2 or cpu-avx512 for one instruction set) or reference (Java) (default: ${DEFAULT-VALUE}).")
    private String device;

    @Option(
            names = "--threads",
            defaultValue = "0",
            description = "Compute threads; 0 for one per processor (default: ${DEFAULT-VALUE}).")
    private int threads;

    private Path located;

    /**
     * Opens the model, after fetching it if need be.
     *
     * @throws ParameterException if an option is out of range
     */
    Model open() throws IOException {
        return open(kvType);
    }

    /** The same with another type of cached values; the weights are shared. */
    Model open(KvType otherKvType) throws IOException {
        if (threads < 0) {
            throw new ParameterException(
                    spec.commandLine(), "bad threads: threads=" + threads + ", must be >= 0");
        }
        if (!KernelProviders.isKnown(device)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "bad device: device="
                            + device
                            + ", must be auto, cuda, cuda:N, cpu, cpu-avx2, cpu-avx512 or reference");
        }
        located = ModelLocator.locate(model);
        return Model.open(located, new ModelOptions(otherKvType, activations, device, threads));
    }

    /** Type of cached keys and values that was asked for. */
    KvType kvType() {
        return kvType;
    }

    /** Name of the model's file or directory, once it is open. */
    String fileName() {
        return located.getFileName().toString();
    }
}
