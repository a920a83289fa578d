// SPDX-License-Identifier: Apache-2.0
package org.millrace.examples.windows;

import java.time.Instant;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.millrace.schemas.Completion;

/** Answers of a user in a window, and their tokens. */
public record AnswerCount(int answers, long tokens) {

    static final class Sum implements AggregateFunction<Completion, AnswerCount, AnswerCount> {
        @Override
        public AnswerCount createAccumulator() {
            return new AnswerCount(0, 0);
        }

        @Override
        public AnswerCount add(Completion answer, AnswerCount sum) {
            return new AnswerCount(
                    sum.answers + 1, sum.tokens + answer.getUsage().getGeneratedTokens());
        }

        @Override
        public AnswerCount getResult(AnswerCount sum) {
            return sum;
        }

        @Override
        public AnswerCount merge(AnswerCount a, AnswerCount b) {
            return new AnswerCount(a.answers + b.answers, a.tokens + b.tokens);
        }
    }

    /** A line of the output: the window's start, the user, the counts. */
    static final class Line extends ProcessWindowFunction<AnswerCount, String, String, TimeWindow> {
        @Override
        public void process(
                String user,
                Context context,
                Iterable<AnswerCount> counts,
                Collector<String> lines) {
            Instant start = Instant.ofEpochMilli(context.window().getStart());
            for (AnswerCount count : counts) {
                lines.collect(
                        "%s %s answers=%d tokens=%d"
                                .formatted(start, user, count.answers, count.tokens));
            }
        }
    }
}
