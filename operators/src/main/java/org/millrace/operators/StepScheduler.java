// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.operators.MailboxExecutor;

/**
 * Runs steps as mails of the task: one in flight, each submits the next while there is work. Mails
 * are deferrable, or a task that stops with a savepoint would run them until every session is done.
 *
 * <p>The mailbox takes one event of input a mail, and barriers are events too. So a mail gives way
 * while there is input, for at most one turn a channel and {@value #MAX_TURNS} in all: enough to
 * take in what is there, few enough that a busy topic does not stop generation. If too many
 * requests wait already, it does not give way and steps on until one is answered, so that the
 * backlog stays in Kafka.
 */
final class StepScheduler {
    private static final int MAX_TURNS = 64;
    private static final long OVERLOAD_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final MailboxExecutor mailbox;
    private final InputActivity input;
    private final StepLoop loop;
    private final int maxTurns;
    private boolean scheduled;
    private int turns;

    /**
     * @param channels input channels of the task
     */
    StepScheduler(MailboxExecutor mailbox, InputActivity input, StepLoop loop, int channels) {
        this.mailbox = mailbox;
        this.input = input;
        this.loop = loop;
        this.maxTurns = Math.min(MAX_TURNS, channels + 1);
    }

    /** Makes sure that a step follows if there is work. */
    void schedule() {
        if (scheduled || !loop.hasWork()) {
            return;
        }
        try {
            mailbox.execute(MailboxExecutor.MailOptions.deferrable(), this::run, "generation step");
            scheduled = true;
        } catch (RejectedExecutionException e) {
            // The task is stopping; its sessions go on from state.
            scheduled = false;
        }
    }

    private void run() throws Exception {
        scheduled = false;
        if (loop.isOverloaded()) {
            stepUntilAnswered();
        } else if (turns < maxTurns && !input.isQuiet()) {
            turns++;
        } else {
            turns = 0;
            loop.step();
        }
        schedule();
    }

    private void stepUntilAnswered() throws Exception {
        long begin = System.nanoTime();
        long finished = loop.finishedTurns();
        while (loop.hasWork()
                && loop.finishedTurns() == finished
                && System.nanoTime() - begin < OVERLOAD_NANOS) {
            loop.step();
        }
    }

    /** Does all work there is, at the end of a bounded input. */
    void drain() throws Exception {
        while (loop.hasWork()) {
            loop.step();
            mailbox.tryYield();
        }
    }
}
