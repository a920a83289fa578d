// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.operators.InternalTimerService;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.GenerationSettings;
import org.millrace.operators.PermanentFailureException;
import org.millrace.operators.state.LastPrompt;
import org.millrace.operators.state.SessionQueue;
import org.millrace.operators.state.SessionStateManager;

/**
 * Judges the age of sessions by event time alone: a wall clock would make a replay decide
 * otherwise. A session is idle, or too old, for a prompt that is so much younger than the one
 * before, or once the watermark says that no older prompt will come. So it makes no difference
 * which of the two is first, unless a prompt is late.
 */
final class SessionAges {
    /** What a session is after a time without prompts. */
    enum Age {
        CURRENT,
        IDLE,
        ENDED
    }

    private final SessionStateManager state;
    private final InternalTimerService<VoidNamespace> timers;
    private final GenerationSettings.Sessions settings;

    SessionAges(
            SessionStateManager state,
            InternalTimerService<VoidNamespace> timers,
            GenerationSettings.Sessions settings) {
        this.state = state;
        this.timers = timers;
        this.settings = settings;
    }

    /** Notes a prompt of the selected session; what the session is when it comes. */
    Age before(long timestampMillis) throws Exception {
        if (!settings.age()) {
            return Age.CURRENT;
        }
        if (timestampMillis == SessionQueue.NO_TIMESTAMP) {
            throw new PermanentFailureException(
                    GenerationOptions.SESSION_TTL.key()
                            + " and "
                            + GenerationOptions.IDLE_COMPACTION.key()
                            + " go by event time, and a prompt has no timestamp; assign timestamps,"
                            + " or leave them at 0");
        }
        LastPrompt last = state.lastPrompt();
        if (last == null) {
            state.setLastPrompt(new LastPrompt(timestampMillis, registerTimer(timestampMillis, 0)));
            return Age.CURRENT;
        }
        long newest = Math.max(last.timestampMillis(), timestampMillis);
        long timerMillis = last.timerMillis() > 0 ? last.timerMillis() : registerTimer(newest, 0);
        state.setLastPrompt(new LastPrompt(newest, timerMillis));
        return age(timestampMillis - last.timestampMillis());
    }

    private Age age(long millis) {
        if (settings.ttlMillis() > 0 && millis > settings.ttlMillis()) {
            return Age.ENDED;
        }
        return settings.idleMillis() > 0 && millis > settings.idleMillis() ? Age.IDLE : Age.CURRENT;
    }

    /**
     * For the next age after {@code passedMillis} of a session whose newest prompt is of {@code
     * newestMillis}; 0 if there is none.
     */
    private long registerTimer(long newestMillis, long passedMillis) {
        long idleMillis = settings.idleMillis();
        long nextMillis = idleMillis > passedMillis ? idleMillis : settings.ttlMillis();
        if (nextMillis <= passedMillis) {
            return 0;
        }
        // At this watermark whatever prompt follows is more than that younger.
        long timeMillis = newestMillis + nextMillis;
        timers.registerEventTimeTimer(VoidNamespace.INSTANCE, timeMillis);
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
        if (!state.queues().queue().isEmpty()) {
            long newestMillis = Math.max(last.timestampMillis(), timeMillis);
            state.setLastPrompt(
                    new LastPrompt(last.timestampMillis(), registerTimer(newestMillis, 0)));
            return Age.CURRENT;
        }
        long passedMillis = timeMillis + 1 - last.timestampMillis();
        Age age = age(passedMillis);
        if (age == Age.ENDED) {
            state.forgetSession();
            state.forgetLastPrompt();
        } else {
            long nextMillis =
                    registerTimer(last.timestampMillis(), age == Age.IDLE ? passedMillis : 0);
            state.setLastPrompt(new LastPrompt(last.timestampMillis(), nextMillis));
        }
        return age;
    }

    /** Called by a timer of state format 4, which went by the wall clock: now by event time. */
    void onWallClockTimer() throws Exception {
        LastPrompt last = state.lastPrompt();
        if (last != null && last.timerMillis() == 0) {
            state.setLastPrompt(
                    new LastPrompt(
                            last.timestampMillis(), registerTimer(last.timestampMillis(), 0)));
        }
    }
}
