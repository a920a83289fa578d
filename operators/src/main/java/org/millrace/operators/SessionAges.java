// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.operators.InternalTimerService;
import org.millrace.operators.state.LastPrompt;
import org.millrace.operators.state.SessionStateManager;

/**
 * Judges the age of sessions by Kafka timestamps alone: a wall clock would make a replay decide
 * otherwise. A session is idle, or too old, for a prompt that is so much younger than the one
 * before.
 *
 * <p>A timer compresses and frees sessions that nobody comes back to. It may do so only where
 * timestamps are log-append time and the session's partition has gone past that age: whatever
 * prompt follows is then too young for it anyway, so that nobody can tell whether the timer was
 * first. The wall clock only says when to look.
 */
final class SessionAges {
    /** What a session is after a time without prompts. */
    enum Age {
        CURRENT,
        IDLE,
        ENDED
    }

    private record Partition(String topic, int number) {}

    private final SessionStateManager state;
    private final InternalTimerService<VoidNamespace> timers;
    private final long ttlMillis;
    private final long idleMillis;
    private final boolean logAppendTime;
    private final Map<Partition, Long> newestMillis = new HashMap<>();

    SessionAges(
            SessionStateManager state,
            InternalTimerService<VoidNamespace> timers,
            GenerationOptions options) {
        this.state = state;
        this.timers = timers;
        this.ttlMillis = options.sessionTtlMillis();
        this.idleMillis = options.idleMillis();
        this.logAppendTime = options.logAppendTime();
    }

    /** Notes a prompt of the selected session; what the session is when it comes. */
    Age before(Origin prompt) throws Exception {
        if (ttlMillis == 0 && idleMillis == 0) {
            return Age.CURRENT;
        }
        long timestampMillis = prompt.timestampMillis();
        newestMillis.merge(
                new Partition(prompt.topic(), prompt.partition()), timestampMillis, Math::max);
        LastPrompt last = state.lastPrompt();
        long newest =
                last == null ? timestampMillis : Math.max(last.timestampMillis(), timestampMillis);
        long timerMillis =
                last != null && last.timerMillis() > 0 ? last.timerMillis() : registerTimer(0);
        state.setLastPrompt(
                new LastPrompt(prompt.topic(), prompt.partition(), newest, timerMillis));
        return last == null ? Age.CURRENT : age(timestampMillis - last.timestampMillis());
    }

    private Age age(long millis) {
        if (ttlMillis > 0 && millis > ttlMillis) {
            return Age.ENDED;
        }
        return idleMillis > 0 && millis > idleMillis ? Age.IDLE : Age.CURRENT;
    }

    /** For the next age that is yet to come after {@code ageMillis}; 0 if there is none. */
    private long registerTimer(long ageMillis) {
        long nextMillis = idleMillis > ageMillis ? idleMillis : ttlMillis;
        if (!logAppendTime || nextMillis == 0) {
            return 0;
        }
        long timeMillis = timers.currentProcessingTime() + Math.max(1, nextMillis - ageMillis);
        timers.registerProcessingTimeTimer(VoidNamespace.INSTANCE, timeMillis);
        return timeMillis;
    }

    /**
     * Called by the selected session's timer: what the session is by now. Forgets one whose end is
     * past; otherwise looks again later.
     */
    Age onTimer(long timeMillis) throws Exception {
        LastPrompt last = state.lastPrompt();
        if (last == null || last.timerMillis() != timeMillis) {
            return Age.CURRENT;
        }
        Long newest = newestMillis.get(new Partition(last.topic(), last.partition()));
        long ageMillis = newest == null ? 0 : newest - last.timestampMillis();
        Age age = state.work().isEmpty() ? age(ageMillis) : Age.CURRENT;
        if (age == Age.ENDED) {
            state.forgetSession();
            state.forgetLastPrompt();
        } else {
            long nextTimerMillis = registerTimer(age == Age.IDLE ? ageMillis : 0);
            state.setLastPrompt(
                    new LastPrompt(
                            last.topic(),
                            last.partition(),
                            last.timestampMillis(),
                            nextTimerMillis));
        }
        return age;
    }
}
