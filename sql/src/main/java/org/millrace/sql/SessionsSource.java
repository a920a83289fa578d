// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.co.CoProcessFunction;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.abilities.SupportsSourceWatermark;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.util.Collector;
import org.millrace.operators.MillraceGeneration;
import org.millrace.operators.Prompt;
import org.millrace.operators.RejectedPrompt;
import org.millrace.schemas.Completion;

/**
 * A table of answers: prompts of another table, generation with sessions in keyed state, one row
 * for each turn.
 *
 * @param options what {@code WITH} says, checked
 */
record SessionsSource(
        Map<String, String> options, DataType rowType, TurnColumns columns, PromptsTable prompts)
        implements ScanTableSource, SupportsSourceWatermark {
    @Override
    public ChangelogMode getChangelogMode() {
        return ChangelogMode.insertOnly();
    }

    private Optional<Duration> maxOutOfOrderness() {
        return Configuration.fromMap(options)
                .getOptional(MillraceTableOptions.MAX_OUT_OF_ORDERNESS);
    }

    /** The operator's watermarks go on as they are; without the option there are none. */
    @Override
    public void applySourceWatermark() {
        if (maxOutOfOrderness().isEmpty()) {
            throw new IllegalArgumentException(
                    "SOURCE_WATERMARK() needs event time: set "
                            + MillraceTableOptions.MAX_OUT_OF_ORDERNESS.key());
        }
    }

    @Override
    public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
        return new Provider(this, prompts.rows(context), context.createTypeInformation(rowType));
    }

    @Override
    public DynamicTableSource copy() {
        return this;
    }

    @Override
    public String asSummaryString() {
        return "millrace";
    }

    /** Puts source, operator and rows into a job, each with a uid that begins with the table's. */
    private record Provider(
            SessionsSource table, PromptsTable.Rows rows, TypeInformation<RowData> rowType)
            implements DataStreamScanProvider {
        @Override
        public boolean isBounded() {
            return rows.isBounded();
        }

        @Override
        public DataStream<RowData> produceDataStream(
                ProviderContext context, StreamExecutionEnvironment environment) {
            String uid = Configuration.fromMap(table.options()).get(MillraceTableOptions.UID);
            MillraceGeneration generation =
                    MillraceGeneration.of(prompts(environment, uid))
                            .options(MillraceTableOptions.generation(table.options()))
                            .uid(uid)
                            .build();
            return generation
                    .completions()
                    .connect(generation.deadLetters())
                    .process(new Rows(table.columns()), rowType)
                    .name(uid + "-answers")
                    .uid(uid + "-answers");
        }

        private DataStream<Prompt> prompts(StreamExecutionEnvironment environment, String uid) {
            DataStream<RowData> stream = rows.stream(environment, uid + "-source");
            Optional<Duration> disorder = table.maxOutOfOrderness();
            if (disorder.isPresent()) {
                stream =
                        stream.assignTimestampsAndWatermarks(
                                        WatermarkStrategy.<RowData>forBoundedOutOfOrderness(
                                                        disorder.get())
                                                .withTimestampAssigner(
                                                        (row, none) -> PromptsTable.eventTime(row)))
                                .uid(uid + "-watermarks");
            }
            return stream.map(new TurnPrompts(table.options()), Prompt.TYPE)
                    .name(uid + "-prompts")
                    .uid(uid + "-prompts");
        }
    }

    /** Makes a row of each answer, and of each prompt that has none. */
    private static final class Rows extends CoProcessFunction<Completion, RejectedPrompt, RowData> {
        private static final long serialVersionUID = 1L;

        private final TurnColumns columns;

        Rows(TurnColumns columns) {
            this.columns = columns;
        }

        @Override
        public void processElement1(
                Completion completion, Context context, Collector<RowData> out) {
            out.collect(columns.answer(completion, context.timestamp()));
        }

        @Override
        public void processElement2(
                RejectedPrompt rejected, Context context, Collector<RowData> out) {
            out.collect(columns.refusal(rejected, context.timestamp()));
        }
    }
}
