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
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.millrace.operators.types.PromptEnvelopeSerializer;
import org.millrace.operators.types.PromptEnvelopeSerializer.StampedPrompt;

/**
 * State format 4, which had a session's queue as one list ({@code work}) beside its prompts ({@code
 * requests}). Moved into {@link QueueState} when a job is restored.
 */
final class FormatFour {
    private static final String WORK = "work";

    private FormatFour() {}

    /** Moves the queues of this subtask's sessions, and deletes what they were. */
    static void move(KeyedStateBackend<String> backend, KeyedStateStore store, QueueState queues)
            throws Exception {
        ValueState<SessionWork> work =
                store.getState(new ValueStateDescriptor<>(WORK, SessionWorkSerializer.INSTANCE));
        MapState<Long, StampedPrompt> requests =
                store.getMapState(
                        new MapStateDescriptor<>(
                                "requests",
                                LongSerializer.INSTANCE,
                                PromptEnvelopeSerializer.INSTANCE));
        List<String> sessions;
        try (Stream<String> keys = backend.getKeys(WORK, VoidNamespace.INSTANCE)) {
            sessions = keys.toList();
        }
        for (String session : sessions) {
            backend.setCurrentKey(session);
            for (SessionWork.Entry entry : work.value().entries()) {
                queues.append(queued(entry, requests));
                requests.remove(entry.number());
            }
            work.clear();
        }
    }

    private static Queued queued(SessionWork.Entry entry, MapState<Long, StampedPrompt> requests)
            throws Exception {
        return switch (entry.kind()) {
            case TURN -> {
                StampedPrompt request = requests.get(entry.number());
                yield new Queued.Turn(
                        request.prompt(), entry.acceptedMillis(), request.timestampMillis());
            }
            case REST -> new Queued.Rest(entry.priority(), entry.acceptedMillis());
            case END_SESSION -> new Queued.End(entry.acceptedMillis());
        };
    }
}
