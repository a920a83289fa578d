// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.kafka.common.TopicPartition;

/**
 * State of {@link SendOnce}. All subtasks are given all of it, so that the first one has it at
 * every parallelism; the others forget it.
 */
final class SendOnceState {
    private static final TypeInformation<Tuple3<String, Integer, Long>> END =
            Types.TUPLE(Types.STRING, Types.INT, Types.LONG);

    /** Of jobs that could not be rescaled. */
    private static final ListStateDescriptor<Tuple3<String, Integer, Long>> SPLIT_ENDS =
            new ListStateDescriptor<>("topic-ends", END);

    private static final ListStateDescriptor<String> SPLIT_AHEAD =
            new ListStateDescriptor<>("ahead", Types.STRING);

    private final ListState<Tuple3<String, Integer, Long>> ends;
    private final ListState<String> ahead;
    private final ListState<Tuple2<Long, OutputRecord>> kept;
    private final ListState<String> promptsTopic;

    private SendOnceState(OperatorStateStore store) throws Exception {
        ends = store.getUnionListState(new ListStateDescriptor<>("all-topic-ends", END));
        ahead = store.getUnionListState(new ListStateDescriptor<>("all-ahead", Types.STRING));
        kept =
                store.getUnionListState(
                        new ListStateDescriptor<>(
                                "all-kept", Types.TUPLE(Types.LONG, OutputRecord.TYPE)));
        promptsTopic =
                store.getUnionListState(
                        new ListStateDescriptor<>("all-prompts-topic", Types.STRING));
    }

    /**
     * Opens the state of a subtask.
     *
     * @throws IllegalStateException if it was written by a job that could not be rescaled, and is
     *     shared out among several subtasks
     */
    static SendOnceState open(OperatorStateStore store, boolean isFirst) throws Exception {
        SendOnceState state = new SendOnceState(store);
        Set<String> restored = store.getRegisteredStateNames();
        if (restored.contains(SPLIT_ENDS.getName())) {
            take(store.getListState(SPLIT_ENDS), state.ends, isFirst);
            take(store.getListState(SPLIT_AHEAD), state.ahead, isFirst);
        }
        if (!isFirst) {
            state.ends.clear();
            state.ahead.clear();
            state.kept.clear();
            state.promptsTopic.clear();
        }
        return state;
    }

    private static <T> void take(ListState<T> from, ListState<T> to, boolean isFirst)
            throws Exception {
        for (T element : from.get()) {
            if (!isFirst) {
                throw new IllegalStateException(
                        "state of a job of an older version restores with one subtask of 'send once'"
                                + " only: leave out jobmanager.scheduler-mode=reactive until the"
                                + " first checkpoint");
            }
            to.add(element);
        }
        from.clear();
    }

    Map<TopicPartition, Long> ends() throws Exception {
        Map<TopicPartition, Long> offsets = new HashMap<>();
        ends.get().forEach(end -> offsets.put(new TopicPartition(end.f0, end.f1), end.f2));
        return offsets;
    }

    Set<String> ahead() throws Exception {
        Set<String> prompts = new HashSet<>();
        ahead.get().forEach(prompts::add);
        return prompts;
    }

    List<OutputRecord> kept() throws Exception {
        List<OutputRecord> answers = new ArrayList<>();
        kept.get().forEach(answer -> answers.add(answer.f1));
        return answers;
    }

    /** Id of the topic that the checkpoint's offsets are of, if it is known. */
    Optional<String> promptsTopic() throws Exception {
        Iterator<String> ids = promptsTopic.get().iterator();
        return ids.hasNext() ? Optional.of(ids.next()) : Optional.empty();
    }

    void updatePromptsTopic(String id) throws Exception {
        promptsTopic.update(List.of(id));
    }

    /** Replaces all that changes while a job runs. */
    void update(
            Map<TopicPartition, Long> newEnds,
            Set<String> newAhead,
            Collection<Tuple2<Long, OutputRecord>> newKept)
            throws Exception {
        List<Tuple3<String, Integer, Long>> positions = new ArrayList<>();
        newEnds.forEach(
                (part, end) -> positions.add(Tuple3.of(part.topic(), part.partition(), end)));
        ends.update(positions);
        ahead.update(List.copyOf(newAhead));
        kept.update(List.copyOf(newKept));
    }
}
