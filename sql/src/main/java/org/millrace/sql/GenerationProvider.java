// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.api.config.MLPredictRuntimeConfigOptions;
import org.apache.flink.table.functions.AsyncPredictFunction;
import org.apache.flink.table.ml.AsyncPredictRuntimeProvider;
import org.apache.flink.table.ml.ModelProvider;

/**
 * A model of SQL, checked. Asynchronous only: a synchronous function has one row at a time, and
 * nothing to batch.
 *
 * @param options what {@code WITH} says
 */
record GenerationProvider(Map<String, String> options, InputColumns input, OutputColumns output)
        implements AsyncPredictRuntimeProvider {
    @Override
    public AsyncPredictFunction createAsyncPredictFunction(Context context) {
        checkConfig(context.runtimeConfig().toMap().keySet());
        return new GenerateFunction(options, input, output);
    }

    /** Flink reads what it knows and says nothing about the rest. */
    private static void checkConfig(Set<String> keys) {
        Set<String> known = new TreeSet<>();
        for (ConfigOption<?> option : MLPredictRuntimeConfigOptions.getSupportedOptions()) {
            known.add(option.key());
        }
        for (String key : keys) {
            if (!known.contains(key)) {
                throw new ValidationException(
                        "unknown key in the CONFIG of ML_PREDICT: key="
                                + key
                                + ", must be one of "
                                + known);
            }
        }
    }

    @Override
    public ModelProvider copy() {
        return this;
    }
}
