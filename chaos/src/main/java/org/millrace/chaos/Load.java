// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RequestKind;

/**
 * Keeps a number of conversations going until it is told to end. What a conversation says depends
 * on the seed alone; how many there are, on how fast they are answered. Not thread safe.
 */
final class Load {
    private static final int CONVERSATIONS = 20;

    private final long seed;
    private final int contextLength;
    private final Consumer<PromptRequest> publisher;
    private final List<PromptRequest> published = new ArrayList<>();
    private final Map<String, Deque<PromptRequest>> laterTurns = new HashMap<>();
    private final Map<String, Integer> unanswered = new HashMap<>();
    private int next;
    private boolean ending;

    /**
     * @param first number of the first conversation, which names its session
     * @param publisher takes what is to be published, in its order
     */
    Load(long seed, int contextLength, int first, Consumer<PromptRequest> publisher) {
        this.seed = seed;
        this.contextLength = contextLength;
        this.next = first;
        this.publisher = publisher;
    }

    /** Begins conversations in the place of those that are over. */
    void topUp() {
        while (!ending && unanswered.size() < CONVERSATIONS) {
            begin(Conversation.of(seed, next++, contextLength));
        }
    }

    private void begin(Conversation conversation) {
        Deque<PromptRequest> turns = new ArrayDeque<>(conversation.turns());
        String session = turns.getFirst().getSessionId();
        unanswered.put(session, turns.size());
        publish(turns.poll());
        while (conversation.atOnce() && !turns.isEmpty()) {
            publish(turns.poll());
        }
        laterTurns.put(session, turns);
    }

    private void publish(PromptRequest request) {
        published.add(request);
        publisher.accept(request);
    }

    /** Notes that a turn of the session was answered for the first time. */
    void answered(String session) {
        PromptRequest next = laterTurns.get(session).poll();
        if (next != null) {
            publish(next);
        }
        if (unanswered.merge(session, -1, Integer::sum) == 0) {
            unanswered.remove(session);
            laterTurns.remove(session);
            publish(Conversation.end(session));
        }
    }

    /** Lets conversations come to their ends and begins no more. */
    void end() {
        ending = true;
    }

    /** Whether all that was published is answered, and nothing is to come. */
    boolean isDone() {
        return ending && unanswered.isEmpty();
    }

    /** All records so far, in their order. */
    List<PromptRequest> published() {
        return published;
    }

    /** The turns among them. */
    List<TurnId> turns() {
        return published.stream()
                .filter(request -> request.getKind() == RequestKind.GENERATE)
                .map(request -> new TurnId(request.getSessionId(), request.getRequestId()))
                .toList();
    }
}
