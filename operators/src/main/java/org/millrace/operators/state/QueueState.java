// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.api.common.state.KeyedStateStore;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.api.common.typeutils.base.StringSerializer;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;

/**
 * The queues of sessions in keyed state. Every method but {@link #sessions} is about the session
 * that is selected. What a change costs does not depend on how many requests wait.
 *
 * <pre>
 *   queue     ValueState            head, next, counts; present only while something waits
 *   queued    MapState by number    what waits
 *   numbers   MapState by id        of turns, the newest of each request id
 * </pre>
 */
public final class QueueState {
    private static final String QUEUE = "queue";

    private final KeyedStateBackend<String> backend;
    private final ValueState<SessionQueue> queue;
    private final MapState<Long, Queued> queued;
    private final MapState<String, Long> numbers;

    QueueState(KeyedStateBackend<String> backend, KeyedStateStore store) {
        this.backend = backend;
        queue = store.getState(new ValueStateDescriptor<>(QUEUE, SessionQueueSerializer.INSTANCE));
        queued =
                store.getMapState(
                        new MapStateDescriptor<>(
                                "queued", LongSerializer.INSTANCE, QueuedSerializer.INSTANCE));
        numbers =
                store.getMapState(
                        new MapStateDescriptor<>(
                                "numbers", StringSerializer.INSTANCE, LongSerializer.INSTANCE));
    }

    /**
     * Sessions of this subtask's key groups with something in their queue: a copy, state may be
     * changed meanwhile.
     */
    public List<String> sessions() {
        try (Stream<String> keys = backend.getKeys(QUEUE, VoidNamespace.INSTANCE)) {
            return keys.toList();
        }
    }

    public SessionQueue queue() throws Exception {
        SessionQueue value = queue.value();
        return value == null ? SessionQueue.EMPTY : value;
    }

    /** What has this number; it must be there. */
    public Queued get(long number) throws Exception {
        return queued.get(number);
    }

    /** All that waits, in no order. */
    public Iterable<Queued> all() throws Exception {
        return queued.values();
    }

    /**
     * Number of the turn that a request arriving now would repeat; -1 if there is none. One before
     * an end of the session is another.
     */
    public long find(String requestId) throws Exception {
        Long number = numbers.get(requestId);
        return number == null || number < queue().lastEnd() ? -1 : number;
    }

    /** Puts something behind all others. */
    public SessionQueue append(Queued last) throws Exception {
        SessionQueue before = queue();
        queued.put(before.next(), last);
        if (last instanceof Queued.Turn turn) {
            numbers.put(turn.prompt().requestId(), before.next());
        }
        SessionQueue after = before.with(last);
        queue.update(after);
        return after;
    }

    /** Removes what has this number; it must be there. */
    public SessionQueue remove(long number) throws Exception {
        SessionQueue before = queue();
        Queued removed = queued.get(number);
        queued.remove(number);
        if (removed instanceof Queued.Turn turn) {
            String requestId = turn.prompt().requestId();
            Long newest = numbers.get(requestId);
            if (newest != null && newest == number) {
                numbers.remove(requestId);
            }
        }
        if (before.requests() == 1) {
            queue.clear();
            return SessionQueue.EMPTY;
        }
        long head = before.head();
        if (number == head) {
            head++;
            while (!queued.contains(head)) {
                head++;
            }
        }
        SessionQueue after = before.without(number, removed, head);
        queue.update(after);
        return after;
    }
}
