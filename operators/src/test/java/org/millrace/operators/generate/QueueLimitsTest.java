// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.junit.jupiter.api.Test;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.Prompt;
import org.millrace.operators.RejectedPrompt;
import org.millrace.schemas.Completion;
import org.millrace.schemas.RecordCodec;

/** What may wait, of one session and in one subtask. */
class QueueLimitsTest {
    private static Setup setup() {
        return Setup.of(TinyModel.path(), TinyModel.OPTIONS)
                .with(GenerationOptions.MAX_BATCH_TOKENS, 256)
                .with(GenerationOptions.MAX_SEQUENCES, 1);
    }

    private static GenerationHarness open(Setup setup) throws Exception {
        return new GenerationHarness(setup, new HashMapStateBackend(), 1, 0).open();
    }

    @Test
    void aSessionHasABoundOfItsOwn() throws Exception {
        Setup setup = setup().with(GenerationOptions.MAX_SESSION_REQUESTS, 3);
        try (GenerationHarness harness = open(setup)) {
            for (int request = 0; request < 5; request++) {
                harness.send(Prompts.turn("busy", "r" + request, "hello", 2));
            }
            harness.send(Prompts.turn("other", "r", "hello", 2));
            assertThat(harness.deadLetters())
                    .extracting(RejectedPrompt::reason)
                    .containsExactly(
                            DeadLetterReason.SESSION_QUEUE_FULL,
                            DeadLetterReason.SESSION_QUEUE_FULL);
            assertThat(harness.deadLetters().get(0).detail()).contains("sessionRequests=3 of 3");
            harness.runAll();
            assertThat(harness.completions()).hasSize(4);
            harness.send(Prompts.turn("busy", "r4", "hello", 2));
            harness.runAll();
            assertThat(harness.completions()).last().matches(c -> c.getRequestId().equals("r4"));
        }
    }

    @Test
    void bytesOfASessionCountToo() throws Exception {
        Setup setup = setup().with(GenerationOptions.MAX_SESSION_BYTES, MemorySize.ofMebiBytes(1));
        try (GenerationHarness harness = open(setup)) {
            String large = "x".repeat(300_000);
            harness.send(Prompts.turn("s", "r1", "hello", 2));
            harness.send(Prompts.turn("s", "r2", large, 2));
            harness.send(Prompts.turn("s", "r3", large, 2));
            assertThat(harness.deadLetters())
                    .singleElement()
                    .satisfies(
                            letter -> {
                                assertThat(letter.reason())
                                        .isEqualTo(DeadLetterReason.SESSION_QUEUE_FULL);
                                assertThat(letter.detail()).contains("of 1048576");
                            });
        }
    }

    /** No mail gives way to input while more bytes wait than should. */
    @Test
    void bytesOfASubtaskStopTheIntake() throws Exception {
        Setup setup = setup().with(GenerationOptions.MAX_QUEUED_BYTES, MemorySize.parse("90 kb"));
        try (GenerationHarness harness = open(setup)) {
            harness.send(Prompts.turn("s1", "r", "hello", 3));
            Prompt large = Prompts.turn("s2", "r", "hello", 3);
            harness.send(new Prompt(large.request(), List.of(), new byte[100_000]));
            harness.runMail();
            assertThat(harness.tokens()).as("the first mail does not give way").isNotEmpty();
        }
    }

    /** Told by its length alone: tokens of so long a word take seconds. */
    @Test
    void aPromptLongerThanAnyContextIsNotTokenised() throws Exception {
        try (GenerationHarness harness = open(setup())) {
            harness.send(Prompts.turn("s", "r", "x".repeat(500_000), 2));
            harness.runAll();
            assertThat(harness.deadLetters())
                    .singleElement()
                    .satisfies(
                            letter -> {
                                assertThat(letter.reason())
                                        .isEqualTo(DeadLetterReason.PROMPT_TOO_LONG);
                                assertThat(letter.detail()).contains("promptBytes=500000");
                            });
        }
    }

    /** The queue has gaps where requests were cancelled, and is in order behind a restore. */
    @Test
    void aQueueWithGapsSurvivesARestore() throws Exception {
        OperatorSubtaskState state;
        try (GenerationHarness harness = open(setup())) {
            for (int request = 0; request < 200; request++) {
                harness.send(Prompts.turn("s", "r" + request, "hi", 1));
            }
            for (int request = 1; request < 200; request++) {
                if (request % 20 != 0) {
                    harness.send(Prompts.cancel("s", "r" + request));
                }
            }
            assertThat(harness.completions()).hasSize(190);
            state = harness.snapshot();
        }
        try (GenerationHarness harness =
                new GenerationHarness(setup(), new HashMapStateBackend(), 1, 0)) {
            harness.open(state, 1, 1);
            harness.send(Prompts.turn("s", "r20", "hi", 1));
            harness.runAll();
            assertThat(harness.completions())
                    .extracting(Completion::getRequestId)
                    .containsExactly(
                            "r0", "r20", "r40", "r60", "r80", "r100", "r120", "r140", "r160",
                            "r180");
        }
    }

    @Test
    void rememberedAnswersHaveABoundInBytes() throws Exception {
        int answerBytes;
        try (GenerationHarness harness = open(setup())) {
            harness.send(Prompts.turn("s", "r1", "hello", 5));
            harness.runAll();
            answerBytes = RecordCodec.COMPLETION.encode(harness.completions().get(0)).length;
        }
        Setup setup =
                setup().with(GenerationOptions.REMEMBERED_BYTES, new MemorySize(3L * answerBytes));
        try (GenerationHarness harness = open(setup)) {
            for (int request = 1; request <= 4; request++) {
                harness.send(Prompts.turn("s", "r" + request, "hello", 5));
                harness.runAll();
            }
            harness.send(Prompts.turn("s", "r4", "hello", 5));
            assertThat(harness.completions()).last().matches(Completion::getRepeated);
            harness.send(Prompts.turn("s", "r1", "hello", 5));
            harness.runAll();
            assertThat(harness.completions()).last().matches(c -> !c.getRepeated());
        }
    }
}
