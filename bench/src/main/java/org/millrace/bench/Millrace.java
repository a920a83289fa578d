// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** This project's engine, by {@link EngineBench} in a JVM of its own. */
record Millrace(Path model) implements Contender {
    static final String NAME = "Millrace";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Map<Workload, Double> measure(int threads) throws IOException, InterruptedException {
        List<String> output =
                Processes.runJava(
                        EngineBench.class,
                        List.of(),
                        List.of(model.toString(), Integer.toString(threads)));
        String json = output.get(output.size() - 1);
        return new ObjectMapper().readValue(json, new TypeReference<Map<Workload, Double>>() {});
    }
}
