// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.AsyncPredictFunction;
import org.apache.flink.table.functions.FunctionContext;

/**
 * Answers rows one by one, each a generation of its own. Holds a share of the process's engine from
 * {@link #open} to {@link #close}; called on the task's thread, answers on the engine's. Public
 * because Flink generates code that names it.
 */
public final class GenerateFunction extends AsyncPredictFunction {
    private static final long serialVersionUID = 1L;

    private final Map<String, String> options;
    private final InputColumns input;
    private final OutputColumns output;

    private transient ModelSettings settings;
    private transient SharedEngine.Lease lease;
    private transient PromptEncoder encoder;

    GenerateFunction(Map<String, String> options, InputColumns input, OutputColumns output) {
        this.options = Map.copyOf(options);
        this.input = input;
        this.output = output;
    }

    @Override
    public void open(FunctionContext context) throws Exception {
        settings = ModelSettings.of(options, output);
        lease = SharedEngine.lease(settings.engine());
        SharedEngine engine = lease.engine();
        encoder = new PromptEncoder(engine, settings);
        MetricGroup group = context.getMetricGroup().addGroup("millrace");
        group.gauge("engineSteps", engine::steps);
        group.gauge("engineAnsweredRows", engine::answeredRows);
    }

    @Override
    public CompletableFuture<Collection<RowData>> asyncPredict(RowData row) {
        Optional<String> prompt = input.prompt(row);
        if (prompt.isEmpty()) {
            return CompletableFuture.completedFuture(List.of(output.nulls()));
        }
        return answer(prompt.get(), input.system(row))
                .thenApply(answer -> List.of(output.row(answer)));
    }

    private CompletableFuture<Answer> answer(String prompt, Optional<String> system) {
        try {
            return lease.generate(
                    encoder.encode(prompt, system), settings.params(), settings.retention());
        } catch (RefusedRowException e) {
            return CompletableFuture.completedFuture(new Answer.Refused(e.getMessage()));
        }
    }

    @Override
    public void close() {
        if (lease != null) {
            lease.close();
        }
    }
}
