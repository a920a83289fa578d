// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.time.Duration;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.common.typeutils.base.IntSerializer;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.millrace.operators.Prompt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees sessions whose prompts come from two partitions, so that their turns have no order: two
 * producers that choose partitions differently, or partitions that were added. Keyed by session.
 */
final class SessionPartitions extends KeyedProcessFunction<String, Prompt, Prompt> {
    private static final String NAME = "session partitions";
    private static final String UID = "session-partitions";

    private static final long serialVersionUID = 1L;
    private static final Logger LOG = LoggerFactory.getLogger(SessionPartitions.class);

    private final boolean fails;
    private final Duration sessionTtl;
    private transient ValueState<Integer> partition;
    private transient Counter moved;

    private SessionPartitions(boolean fails, Duration sessionTtl) {
        this.fails = fails;
        this.sessionTtl = sessionTtl;
    }

    /**
     * The same prompts, looked at.
     *
     * @param sessionTtl how long a session without prompts is remembered; zero for ever
     */
    static SingleOutputStreamOperator<Prompt> check(
            DataStream<Prompt> prompts,
            MillraceOptions.SessionPartitions option,
            Duration sessionTtl) {
        boolean fails = option == MillraceOptions.SessionPartitions.FAIL;
        return prompts.keyBy(Prompt.BY_SESSION, Types.STRING)
                .process(new SessionPartitions(fails, sessionTtl), Prompt.TYPE)
                .name(NAME)
                .uid(UID);
    }

    @Override
    public void open(OpenContext context) {
        ValueStateDescriptor<Integer> descriptor =
                new ValueStateDescriptor<>("partition", IntSerializer.INSTANCE);
        if (!sessionTtl.isZero()) {
            descriptor.enableTimeToLive(StateTtlConfig.newBuilder(sessionTtl).build());
        }
        partition = getRuntimeContext().getState(descriptor);
        moved = getRuntimeContext().getMetricGroup().addGroup("millrace").counter("movedSessions");
    }

    @Override
    public void processElement(Prompt prompt, Context context, Collector<Prompt> out)
            throws Exception {
        Origin origin = PromptAttachment.decode(prompt.attachment(), prompt.request()).origin();
        int now = origin.partition();
        Integer before = partition.value();
        if (before != null && before != now) {
            if (fails) {
                throw new SessionMovedException(prompt.session(), origin, before);
            }
            if (moved.getCount() == 0) {
                LOG.warn("{}", SessionMovedException.message(prompt.session(), origin, before));
            }
            moved.inc();
        }
        partition.update(now);
        out.collect(prompt);
    }
}
