// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.catalog.CatalogTable;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedCatalogTable;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.ScanTableSource.ScanContext;
import org.apache.flink.table.connector.source.ScanTableSource.ScanRuntimeProvider;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.factories.FactoryUtil;

/** Where prompts come from: a table of any connector, with columns that are always the same. */
record PromptsTable(ScanTableSource source, ResolvedSchema schema) {
    private static final int SESSION = 0;
    private static final int REQUEST = 1;
    private static final int PROMPT = 2;
    private static final int EVENT_TIME = 3;

    /** Whether there is a column {@code event_time}, as there is with a bound for its disorder. */
    enum Time {
        NONE,
        EVENT_TIME
    }

    /**
     * The table of the options that begin with {@code prompts.}.
     *
     * @throws IllegalArgumentException if there is none that can be read as a stream
     */
    static PromptsTable of(
            Map<String, String> options, Time time, DynamicTableFactory.Context context) {
        ResolvedSchema schema = schema(time);
        CatalogTable table =
                CatalogTable.newBuilder()
                        .schema(Schema.newBuilder().fromResolvedSchema(schema).build())
                        .options(options)
                        .build();
        DynamicTableSource source =
                FactoryUtil.createDynamicTableSource(
                        null,
                        context.getObjectIdentifier(),
                        new ResolvedCatalogTable(table, schema),
                        Map.of(),
                        context.getConfiguration(),
                        context.getClassLoader(),
                        context.isTemporary());
        if (source instanceof ScanTableSource scan
                && scan.getChangelogMode().equals(ChangelogMode.insertOnly())) {
            return new PromptsTable(scan, schema);
        }
        throw unusable(options.get(FactoryUtil.CONNECTOR.key()), "it is not an insert-only scan");
    }

    private static ResolvedSchema schema(Time time) {
        List<Column> columns =
                new ArrayList<>(
                        List.of(
                                Column.physical("session", DataTypes.STRING()),
                                Column.physical("request", DataTypes.STRING()),
                                Column.physical("prompt", DataTypes.STRING())));
        if (time == Time.EVENT_TIME) {
            columns.add(Column.physical("event_time", DataTypes.TIMESTAMP_LTZ(3)));
        }
        return ResolvedSchema.of(columns);
    }

    private static IllegalArgumentException unusable(String connector, String why) {
        return new IllegalArgumentException(
                "bad prompts.connector: connector=" + connector + ", " + why);
    }

    /**
     * How the table is read.
     *
     * @throws IllegalArgumentException if it is neither by a source nor by a stream
     */
    Rows rows(ScanContext context) {
        ScanRuntimeProvider provider = source.getScanRuntimeProvider(context);
        if (!(provider instanceof SourceProvider || provider instanceof DataStreamScanProvider)) {
            throw unusable(
                    source.asSummaryString(),
                    "it is read by a "
                            + provider.getClass().getName()
                            + ", must be a SourceProvider or a DataStreamScanProvider");
        }
        return new Rows(provider, context.createTypeInformation(schema.toPhysicalRowDataType()));
    }

    /** A null is an empty text, which no name and no prompt may be. */
    private static String text(RowData row, int column) {
        return row.isNullAt(column) ? "" : row.getString(column).toString();
    }

    static String session(RowData row) {
        return text(row, SESSION);
    }

    static String request(RowData row) {
        return text(row, REQUEST);
    }

    static String prompt(RowData row) {
        return text(row, PROMPT);
    }

    /**
     * When the prompt was asked, in milliseconds since the epoch.
     *
     * @throws IllegalArgumentException if it is null
     */
    static long eventTime(RowData row) {
        if (row.isNullAt(EVENT_TIME)) {
            throw new IllegalArgumentException(
                    "event_time=null of session="
                            + session(row)
                            + ", request="
                            + request(row)
                            + "; it must be set, or leave out "
                            + MillraceTableOptions.MAX_OUT_OF_ORDERNESS.key());
        }
        return row.getTimestamp(EVENT_TIME, 3).getMillisecond();
    }

    /** The table's rows as a stream. */
    record Rows(ScanRuntimeProvider provider, TypeInformation<RowData> type) {
        boolean isBounded() {
            return provider.isBounded();
        }

        /**
         * Puts the source into a job.
         *
         * @param uid of the source, and what the uids of its other parts begin with
         */
        DataStream<RowData> stream(StreamExecutionEnvironment environment, String uid) {
            if (provider instanceof DataStreamScanProvider streams) {
                return streams.produceDataStream(
                        name -> Optional.of(uid + "-" + name), environment);
            }
            return environment
                    .fromSource(
                            ((SourceProvider) provider).createSource(),
                            WatermarkStrategy.noWatermarks(),
                            uid,
                            type)
                    .uid(uid);
        }
    }
}
