// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.junit.jupiter.api.Test;
import org.millrace.operators.GenerationOptions;

/** How mails of steps share the mailbox with input. */
class StepSchedulerTest {
    private static Setup options(int maxQueuedRequests) {
        return Setup.of(TinyModel.path(), TinyModel.OPTIONS)
                .with(GenerationOptions.MAX_BATCH_TOKENS, 256)
                .with(GenerationOptions.MAX_SEQUENCES, 1)
                .with(GenerationOptions.MAX_QUEUED_REQUESTS, maxQueuedRequests);
    }

    private static GenerationHarness open(int maxQueuedRequests) throws Exception {
        return new GenerationHarness(options(maxQueuedRequests), new HashMapStateBackend(), 1, 0)
                .open();
    }

    @Test
    void oneMailIsInFlightWhateverTheRecords() throws Exception {
        try (GenerationHarness harness = open(1000)) {
            for (int i = 0; i < 10; i++) {
                harness.send(Prompts.turn("s" + i, "r", "hello", 2));
            }
            assertThat(harness.flink().getTaskMailbox().size()).isOne();
            harness.runMail();
            assertThat(harness.flink().getTaskMailbox().size()).isOne();
        }
    }

    @Test
    void mailsGiveWayToInputButNotForEver() throws Exception {
        try (GenerationHarness harness = open(1000)) {
            harness.send(Prompts.turn("s", "r", "hello", 6));
            // The harness never says that its input is quiet: without channels, every second mail
            // steps.
            harness.runMail();
            assertThat(harness.tokens()).isEmpty();
            harness.runMail();
            assertThat(harness.tokens()).hasSize(1);
            harness.runMail();
            assertThat(harness.tokens()).hasSize(1);
            harness.runMail();
            assertThat(harness.tokens()).hasSize(2);
        }
    }

    @Test
    void mailsDoNotGiveWayAboveTheSoftLimit() throws Exception {
        try (GenerationHarness harness = open(2)) {
            for (int i = 0; i < 4; i++) {
                harness.send(Prompts.turn("s" + i, "r", "hello", 3));
            }
            while (harness.completions().size() < 2) {
                int tokens = harness.tokens().size();
                harness.runMail();
                assertThat(harness.tokens()).as("no mail gives way").hasSizeGreaterThan(tokens);
            }
            int tokens = harness.tokens().size();
            harness.runMail();
            assertThat(harness.tokens()).as("2 requests, 1 of them in the batch").hasSize(tokens);
        }
    }

    @Test
    void noMailIsLeftWithoutWork() throws Exception {
        try (GenerationHarness harness = open(1000)) {
            harness.send(Prompts.turn("s", "r", "hello", 2));
            harness.runAll();
            assertThat(harness.completions()).hasSize(1);
            assertThat(harness.flink().getTaskMailbox().hasMail()).isFalse();
        }
    }

    @Test
    void stoppingMailboxEndsStepsWithoutAnError() throws Exception {
        try (GenerationHarness harness = open(1000)) {
            harness.send(Prompts.turn("s", "r", "hello", 20));
            harness.runUntilTokens(3);
            harness.flink().getTaskMailbox().quiesce();
            harness.runAll();
            assertThat(harness.completions()).isEmpty();
        }
    }

    @Test
    void mailsAreSkippedWhileATaskFinishes() throws Exception {
        try (GenerationHarness harness = open(1000)) {
            harness.send(Prompts.turn("s", "r", "hello", 20));
            assertThat(harness.flink().getTaskMailbox().tryTake(0))
                    .as("what an operator's tryYield would take")
                    .isEmpty();
        }
    }

    @Test
    void priorityDecidesWhoComesNext() throws Exception {
        try (GenerationHarness harness = open(1000)) {
            harness.send(Prompts.turn("first", "r", "hello", 2));
            harness.send(Prompts.turn("second", "r", "hello", 2));
            harness.send(
                    Prompts.stamped(
                            Prompts.turnRequest("urgent", "r", "hello", 2).setPriority(1).build(),
                            1000));
            harness.runAll();
            assertThat(harness.completions())
                    .extracting(completion -> completion.getSessionId())
                    .containsExactly("urgent", "first", "second");
        }
    }
}
