// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.GenerationSettings;
import org.millrace.operators.RequestCheck;

/**
 * Tables with {@code 'connector' = 'millrace'}: answers to the prompts of another table, with
 * sessions in state. All that can be told without the model's file is checked here, where a
 * statement is planned. Stateless.
 */
public final class MillraceTableFactory implements DynamicTableSourceFactory {
    @Override
    public String factoryIdentifier() {
        return MillraceModelProviderFactory.IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(MillraceTableOptions.UID, MillraceModelOptions.MODEL);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        Set<ConfigOption<?>> options = new HashSet<>(MillraceTableOptions.generationOptions());
        options.removeIf(option -> option.key().equals(MillraceModelOptions.MODEL.key()));
        options.addAll(
                Set.of(
                        MillraceTableOptions.MAX_OUT_OF_ORDERNESS,
                        MillraceModelOptions.MAX_TOKENS,
                        MillraceModelOptions.TEMPERATURE,
                        MillraceModelOptions.TOP_K,
                        MillraceModelOptions.TOP_P,
                        MillraceModelOptions.MIN_P,
                        MillraceModelOptions.REPETITION_PENALTY,
                        MillraceModelOptions.SEED,
                        MillraceModelOptions.STOP,
                        MillraceModelOptions.CHAT));
        return options;
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validateExcept(MillraceTableOptions.PROMPTS_PREFIX);
        if (context.getConfiguration().get(ExecutionOptions.RUNTIME_MODE)
                == RuntimeExecutionMode.BATCH) {
            throw new ValidationException(
                    "sessions are answered in streaming mode only: execution.runtime-mode=BATCH,"
                            + " must be STREAMING");
        }
        Map<String, String> options = context.getCatalogTable().getOptions();
        TurnColumns columns = TurnColumns.of(context.getCatalogTable().getResolvedSchema());
        checkTurn(helper.getOptions());
        PromptsTable.Time time =
                helper.getOptions()
                                .getOptional(MillraceTableOptions.MAX_OUT_OF_ORDERNESS)
                                .isPresent()
                        ? PromptsTable.Time.EVENT_TIME
                        : PromptsTable.Time.NONE;
        GenerationSettings settings =
                GenerationSettings.of(MillraceTableOptions.generation(options));
        if (time == PromptsTable.Time.NONE
                && (settings.sessions().age() || columns.has(TurnColumn.PROMPT_TIME))) {
            throw new ValidationException(
                    "session-ttl, idle-compaction and the column prompt_time need event time: set "
                            + MillraceTableOptions.MAX_OUT_OF_ORDERNESS.key());
        }
        return new SessionsSource(
                options,
                context.getPhysicalRowDataType(),
                columns,
                PromptsTable.of(MillraceTableOptions.prompts(options), time, context));
    }

    private static void checkTurn(ReadableConfig config) {
        try {
            RequestCheck.check(TurnPrompts.prompt(config, "session", "request", "text").request());
        } catch (BadRequestException e) {
            throw new ValidationException(e.getMessage(), e);
        }
    }
}
