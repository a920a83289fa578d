// SPDX-License-Identifier: Apache-2.0
package org.millrace.examples.windows;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.millrace.operators.MillraceGeneration;
import org.millrace.operators.Prompt;
import org.millrace.schemas.Completion;

/** Prompts from files, answers to files, counted for each user and minute. */
public final class WindowsJob {
    private static final int MAX_TOKENS = 40;
    private static final Duration OUT_OF_ORDER = Duration.ofMinutes(1);
    private static final Duration WINDOW = Duration.ofMinutes(1);
    private static final Duration CHECKPOINT_INTERVAL = Duration.ofSeconds(5);

    private WindowsJob() {}

    public static void main(String[] args) throws Exception {
        if (args.length != 3) {
            throw new IllegalArgumentException(
                    "arguments=" + args.length + "; give three: MODEL INPUT OUTPUT");
        }
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        // Files of the output are finished with a checkpoint.
        env.enableCheckpointing(CHECKPOINT_INTERVAL.toMillis());
        build(env, args[0], new Path(args[1]), new Path(args[2]));
        env.execute("windows");
    }

    private static void build(
            StreamExecutionEnvironment env, String model, Path input, Path output) {
        DataStream<Prompt> prompts =
                env.fromSource(
                                FileSource.forRecordStreamFormat(new TextLineInputFormat(), input)
                                        .build(),
                                WatermarkStrategy.noWatermarks(),
                                "lines")
                        .uid("lines")
                        .map(PromptLine::parse)
                        .assignTimestampsAndWatermarks(
                                WatermarkStrategy.<PromptLine>forBoundedOutOfOrderness(OUT_OF_ORDER)
                                        .withTimestampAssigner((line, time) -> line.timeMillis()))
                        .map(line -> line.toPrompt(MAX_TOKENS));

        DataStream<Completion> answers =
                MillraceGeneration.of(prompts).model(model).uid("chat").build().completions();

        answers.map(Completion::toString).sinkTo(lines(new Path(output, "answers"))).uid("answers");

        answers.keyBy(WindowsJob::user, Types.STRING)
                .window(TumblingEventTimeWindows.of(WINDOW))
                .aggregate(new AnswerCount.Sum(), new AnswerCount.Line())
                .uid("counts")
                .sinkTo(lines(new Path(output, "counts")))
                .uid("counts-files");
    }

    /** Of the session {@code alice-1} it is {@code alice}. */
    private static String user(Completion answer) {
        String session = answer.getSessionId();
        int dash = session.indexOf('-');
        return dash < 0 ? session : session.substring(0, dash);
    }

    private static FileSink<String> lines(Path directory) {
        return FileSink.forRowFormat(directory, new SimpleStringEncoder<String>()).build();
    }
}
