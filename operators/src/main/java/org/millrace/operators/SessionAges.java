package org.millrace.operators;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.operators.InternalTimerService;
import org.millrace.operators.state.LastPrompt;
import org.millrace.operators.state.SessionStateManager;

/**
 * Judges the age of sessions by Kafka timestamps alone: a wall clock would make a replay decide
 * otherwise. A session is too old for a prompt that is so much younger than the one before.
 *
 * <p>A timer frees the state of sessions that nobody comes back to. It may do so only where
 * timestamps are log-append time and the session's partition has gone past the session's end:
 * whatever prompt follows is then too young for it anyway, so that nobody can tell whether the
 * timer was first. The wall clock only says when to look.
 */
final class SessionAges {
    private record Partition(String topic, int number) {}

    private final SessionStateManager state;
    private final InternalTimerService<VoidNamespace> timers;
    private final long ttlMillis;
    private final boolean logAppendTime;
    private final Map<Partition, Long> newestMillis = new HashMap<>();

    SessionAges(
            SessionStateManager state,
            InternalTimerService<VoidNamespace> timers,
            GenerationOptions options) {
        this.state = state;
        this.timers = timers;
        this.ttlMillis = options.sessionTtlMillis();
        this.logAppendTime = options.logAppendTime();
    }

    /** Notes a prompt of the selected session; whether the session is too old for it. */
    boolean isTooOldFor(Origin prompt) throws Exception {
        if (ttlMillis == 0) {
            return false;
        }
        long timestampMillis = prompt.timestampMillis();
        newestMillis.merge(
                new Partition(prompt.topic(), prompt.partition()), timestampMillis, Math::max);
        LastPrompt last = state.lastPrompt();
        long newest =
                last == null ? timestampMillis : Math.max(last.timestampMillis(), timestampMillis);
        long timerMillis =
                last != null && last.timerMillis() > 0 ? last.timerMillis() : registerTimer();
        state.setLastPrompt(
                new LastPrompt(prompt.topic(), prompt.partition(), newest, timerMillis));
        return last != null && timestampMillis - last.timestampMillis() > ttlMillis;
    }

    private long registerTimer() {
        if (!logAppendTime) {
            return 0;
        }
        long timeMillis = timers.currentProcessingTime() + ttlMillis;
        timers.registerProcessingTimeTimer(VoidNamespace.INSTANCE, timeMillis);
        return timeMillis;
    }

    /**
     * Called by the selected session's timer: forgets the session if its end is past, else looks
     * again later.
     */
    void onTimer(long timeMillis) throws Exception {
        LastPrompt last = state.lastPrompt();
        if (last == null || last.timerMillis() != timeMillis) {
            return;
        }
        Long newest = newestMillis.get(new Partition(last.topic(), last.partition()));
        boolean ended = newest != null && newest - last.timestampMillis() > ttlMillis;
        if (ended && state.work().isEmpty()) {
            state.forgetSession();
            state.forgetLastPrompt();
        } else {
            state.setLastPrompt(
                    new LastPrompt(
                            last.topic(),
                            last.partition(),
                            last.timestampMillis(),
                            registerTimer()));
        }
    }
}
