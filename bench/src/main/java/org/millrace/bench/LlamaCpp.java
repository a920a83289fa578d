// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * llama.cpp by its own benchmarks with their defaults: f16 cache, micro-batch of 512, flash
 * attention where it chooses to. llama-bench runs one session, llama-batched-bench several; both
 * time prefill and decode apart, and neither samples.
 *
 * @param name column title
 * @param binaries directory of its executables
 */
record LlamaCpp(String name, Path binaries, Path model) implements Contender {
    @Override
    public Map<Workload, Double> measure(int threads) throws IOException, InterruptedException {
        Map<Workload, Double> tokensPerSecond = new EnumMap<>(Workload.class);
        for (Workload workload : Workload.values()) {
            double value =
                    workload.sessions() == 1
                            ? runBench(workload, threads)
                            : runBatchedBench(workload, threads);
            tokensPerSecond.put(workload, value);
        }
        return tokensPerSecond;
    }

    private double runBench(Workload workload, int threads)
            throws IOException, InterruptedException {
        boolean prefill = workload.phase() == Workload.Phase.PREFILL;
        List<String> command =
                List.of(
                        binaries.resolve("llama-bench").toString(),
                        "--model",
                        model.toString(),
                        "--threads",
                        Integer.toString(threads),
                        "--n-prompt",
                        Integer.toString(prefill ? workload.promptTokens() : 0),
                        "--n-gen",
                        Integer.toString(prefill ? 0 : workload.generatedTokens()),
                        "--n-depth",
                        Integer.toString(prefill ? 0 : workload.promptTokens()),
                        "--repetitions",
                        "1",
                        "--output",
                        "jsonl");
        return number(Processes.run(command), "avg_ts");
    }

    private double runBatchedBench(Workload workload, int threads)
            throws IOException, InterruptedException {
        int tokens = workload.promptTokens() + workload.generatedTokens();
        List<String> command =
                List.of(
                        binaries.resolve("llama-batched-bench").toString(),
                        "--model",
                        model.toString(),
                        "--threads",
                        Integer.toString(threads),
                        "--ctx-size",
                        Integer.toString(workload.sessions() * tokens),
                        "-npl",
                        Integer.toString(workload.sessions()),
                        "-npp",
                        Integer.toString(workload.promptTokens()),
                        "-ntg",
                        Integer.toString(workload.generatedTokens()),
                        "--output-format",
                        "jsonl");
        return number(
                Processes.run(command),
                workload.phase() == Workload.Phase.PREFILL ? "speed_pp" : "speed_tg");
    }

    /** A number of the last JSON line; llama.cpp logs around it. */
    static double number(List<String> output, String field) throws IOException {
        String json =
                output.stream()
                        .filter(line -> line.startsWith("{"))
                        .reduce((first, last) -> last)
                        .orElseThrow(() -> new IOException("no result in " + output));
        JsonNode value = new ObjectMapper().readTree(json).path(field);
        if (!value.isNumber()) {
            throw new IOException("no number " + field + " in " + json);
        }
        return value.doubleValue();
    }
}
