// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.data.RowData;
import org.millrace.operators.Prompt;
import org.millrace.schemas.ChatMessage;

/** Makes a prompt of each row of a {@link PromptsTable}. A null text is an empty one. */
final class TurnPrompts extends RichMapFunction<RowData, Prompt> {
    private static final long serialVersionUID = 1L;

    private final Map<String, String> options;

    private transient ReadableConfig config;

    /**
     * @param options what {@code WITH} says
     */
    TurnPrompts(Map<String, String> options) {
        this.options = Map.copyOf(options);
    }

    @Override
    public void open(OpenContext context) {
        config = Configuration.fromMap(options);
    }

    @Override
    public Prompt map(RowData row) {
        return prompt(
                config,
                PromptsTable.session(row),
                PromptsTable.request(row),
                PromptsTable.prompt(row));
    }

    /** A turn by the options of {@code WITH}. */
    static Prompt prompt(ReadableConfig config, String session, String request, String text) {
        Prompt.Builder prompt =
                config.get(MillraceModelOptions.CHAT)
                        ? Prompt.chat(session, request, List.of(new ChatMessage("user", text)))
                        : Prompt.text(session, request, text);
        return prompt.maxTokens(config.get(MillraceModelOptions.MAX_TOKENS))
                .temperature(config.get(MillraceModelOptions.TEMPERATURE))
                .topK(config.get(MillraceModelOptions.TOP_K))
                .topP(config.get(MillraceModelOptions.TOP_P))
                .minP(config.get(MillraceModelOptions.MIN_P))
                .repetitionPenalty(config.get(MillraceModelOptions.REPETITION_PENALTY))
                .seed(config.get(MillraceModelOptions.SEED))
                .stop(config.get(MillraceModelOptions.STOP).toArray(String[]::new))
                .build();
    }
}
