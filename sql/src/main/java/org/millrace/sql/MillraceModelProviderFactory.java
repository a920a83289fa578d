// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.catalog.ResolvedCatalogModel;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.factories.ModelProviderFactory;
import org.apache.flink.table.ml.ModelProvider;

/**
 * Models with {@code 'provider' = 'millrace'}. All that can be told without the model's file is
 * checked here, where a statement is planned. Stateless.
 */
public final class MillraceModelProviderFactory implements ModelProviderFactory {
    static final String IDENTIFIER = "millrace";

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(MillraceModelOptions.MODEL);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(
                MillraceModelOptions.MAX_TOKENS,
                MillraceModelOptions.TEMPERATURE,
                MillraceModelOptions.TOP_K,
                MillraceModelOptions.TOP_P,
                MillraceModelOptions.MIN_P,
                MillraceModelOptions.REPETITION_PENALTY,
                MillraceModelOptions.SEED,
                MillraceModelOptions.STOP,
                MillraceModelOptions.SYSTEM_PROMPT,
                MillraceModelOptions.CHAT,
                MillraceModelOptions.RETENTION,
                MillraceModelOptions.KV_TYPE,
                MillraceModelOptions.KERNELS,
                MillraceModelOptions.THREADS,
                MillraceModelOptions.MAX_SEQUENCES,
                MillraceModelOptions.MAX_BATCH_TOKENS,
                MillraceModelOptions.POOL_MEMORY);
    }

    @Override
    public ModelProvider createModelProvider(Context context) {
        FactoryUtil.createModelProviderFactoryHelper(this, context).validate();
        ResolvedCatalogModel model = context.getCatalogModel();
        InputColumns input = InputColumns.of(model.getResolvedInputSchema());
        OutputColumns output = OutputColumns.of(model.getResolvedOutputSchema());
        ModelSettings settings = ModelSettings.of(model.getOptions(), output);
        if (!settings.chat() && input.hasSystem()) {
            throw new IllegalArgumentException(
                    "INPUT column system_prompt is a message of a chat: chat=false, must be true");
        }
        return new GenerationProvider(model.getOptions(), input, output);
    }
}
