// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.operators.MailboxExecutor;

/**
 * Runs rounds as mails of the task: one in flight, each submits the next while there is work. Mails
 * are deferrable, or a task that stops with a savepoint would run them until every session is done.
 *
 * <p>The mailbox takes one event of input a mail, and barriers are events too. So a mail gives way
 * while there is input, for at most one turn a channel and {@value #MAX_TURNS} in all: enough to
 * take in what is there, few enough that a busy topic does not stop generation. If too many
 * requests wait already, it does not give way and goes on until one is answered, so that the
 * backlog stays in the source.
 *
 * <p>While the outputs are full no mail is in flight: the next one comes when they have room.
 */
final class StepScheduler {
    private static final int MAX_TURNS = 64;
    private static final long OVERLOAD_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final MailboxExecutor mailbox;
    private final InputActivity input;
    private final OutputAvailability output;
    private final StepLoop loop;
    private final int maxTurns;
    private boolean scheduled;
    private int turns;

    /**
     * @param channels input channels of the task
     */
    StepScheduler(
            MailboxExecutor mailbox,
            InputActivity input,
            OutputAvailability output,
            StepLoop loop,
            int channels) {
        this.mailbox = mailbox;
        this.input = input;
        this.output = output;
        this.loop = loop;
        this.maxTurns = Math.min(MAX_TURNS, channels + 1);
    }

    /** Makes sure that a round follows if there is work. */
    void schedule() {
        if (scheduled || !loop.hasWork()) {
            return;
        }
        scheduled = true;
        if (output.isAvailable()) {
            submit();
        } else {
            output.whenAvailable().thenRun(this::submit);
        }
    }

    /** Called by any thread. */
    private void submit() {
        try {
            mailbox.execute(MailboxExecutor.MailOptions.deferrable(), this::run, "generation step");
        } catch (RejectedExecutionException e) {
            // The task is stopping; its sessions go on from state.
        }
    }

    private void run() throws Exception {
        scheduled = false;
        if (!output.isAvailable()) {
            schedule();
            return;
        }
        if (loop.isOverloaded()) {
            goOnUntilAnswered();
        } else if (turns < maxTurns && !input.isQuiet()) {
            turns++;
        } else {
            turns = 0;
            loop.round();
        }
        schedule();
    }

    private void goOnUntilAnswered() throws Exception {
        long begin = System.nanoTime();
        long ended = loop.endedTurns();
        while (loop.hasWork()
                && loop.endedTurns() == ended
                && output.isAvailable()
                && System.nanoTime() - begin < OVERLOAD_NANOS) {
            loop.round();
        }
    }

    /** Does all work there is, at the end of a bounded input. */
    void drain() throws Exception {
        while (loop.hasWork()) {
            if (output.isAvailable()) {
                loop.round();
            } else {
                output.whenAvailable().thenRun(this::wake);
                mailbox.yield();
            }
            mailbox.tryYield();
        }
    }

    private void wake() {
        try {
            mailbox.execute(() -> {}, "outputs have room");
        } catch (RejectedExecutionException e) {
            // The task is stopping.
        }
    }
}
