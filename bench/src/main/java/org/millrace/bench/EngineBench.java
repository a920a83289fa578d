// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.kvcache.KvType;

/**
 * One round of all workloads on Millrace's engine in a process of its own, so that none of its
 * threads runs while a peer is measured. Prints tokens per second by workload as JSON. Fails where
 * the C++ kernels cannot run.
 *
 * <p>Arguments: model file, threads.
 */
final class EngineBench {
    /** As llama.cpp's default micro-batch. */
    private static final int MAX_BATCH_TOKENS = 512;

    private static final int MAX_SEQUENCES = 32;
    private static final long POOL_BYTES = 1L << 30;

    private EngineBench() {}

    public static void main(String[] args) throws Exception {
        Path file = Path.of(args[0]);
        int threads = Integer.parseInt(args[1]);
        ModelOptions defaults = ModelOptions.defaults();
        ModelOptions options = new ModelOptions(KvType.F16, defaults.activations(), "cpu", threads);
        try (Model model = Model.open(file, options);
                Generator generator =
                        new Generator(
                                model,
                                new GeneratorOptions(
                                        POOL_BYTES, MAX_BATCH_TOKENS, MAX_SEQUENCES))) {
            EngineLoop loop = new EngineLoop(model, generator);
            warmUp(loop);
            Map<Workload, Double> tokensPerSecond = new EnumMap<>(Workload.class);
            for (Workload workload : Workload.values()) {
                tokensPerSecond.put(workload, loop.tokensPerSecond(workload));
            }
            System.out.println(new ObjectMapper().writeValueAsString(tokensPerSecond));
        }
    }

    /** Lets the JVM compile the scheduler and the sampler. */
    private static void warmUp(EngineLoop loop) {
        loop.tokensPerSecond(Workload.PREFILL_512);
        loop.tokensPerSecond(Workload.ONE_STREAM);
        loop.tokensPerSecond(Workload.SESSIONS_8);
    }
}
