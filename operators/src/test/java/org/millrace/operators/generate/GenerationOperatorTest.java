// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.streaming.api.operators.sorted.state.BatchExecutionStateBackend;
import org.junit.jupiter.api.Test;
import org.millrace.engine.Model;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.model.ChatTemplate;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.Prompt;
import org.millrace.operators.RequestCheck;
import org.millrace.schemas.ChatMessage;
import org.millrace.schemas.Completion;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.TokenDelta;

class GenerationOperatorTest {
    private static final Setup OPTIONS =
            Setup.of(TinyModel.path(), TinyModel.OPTIONS)
                    .with(GenerationOptions.MAX_BATCH_TOKENS, 64)
                    .with(GenerationOptions.MAX_SEQUENCES, 16)
                    .with(GenerationOptions.REMEMBERED_REQUESTS, 2)
                    .with(GenerationOptions.SESSION_TTL, Duration.ofMillis(60_000));

    private static final long SMALL_MANAGED_BYTES = 2 * 900_000;

    private static GenerationHarness open() throws Exception {
        return new GenerationHarness(OPTIONS, new HashMapStateBackend(), 1, 0).open();
    }

    /** What the generator alone makes of turns of one session, each in one cache that goes on. */
    private static List<int[]> alone(Prompt... turns) throws BadRequestException {
        List<int[]> generated = new ArrayList<>();
        try (Model model = Model.open(TinyModel.path(), TinyModel.OPTIONS);
                Generator generator = new Generator(model, new GeneratorOptions(16 << 20, 64, 4))) {
            Transcript history = Transcript.EMPTY;
            var cache = generator.newCache();
            for (Prompt turn : turns) {
                PromptRequest request = turn.request();
                Sequence sequence =
                        new Sequence(
                                cache,
                                history,
                                model.tokenizer().encode(request.getText(), false),
                                RequestCheck.params(request),
                                Retention.FULL,
                                null);
                generator.submit(sequence);
                while (sequence.finishReason() == null) {
                    generator.step();
                }
                generated.add(sequence.generated());
                history = sequence.transcript();
            }
        }
        return generated;
    }

    private static List<Integer> boxed(int[] values) {
        return Arrays.stream(values).boxed().toList();
    }

    @Test
    void answersAsTheGeneratorAlone() throws Exception {
        Prompt turn = Prompts.turn("s", "r", "hello there", 40);
        try (GenerationHarness harness = open()) {
            harness.send(turn);
            harness.runAll();
            Completion completion = harness.completions().get(0);
            assertThat(completion.getTokenIds()).isEqualTo(boxed(alone(turn).get(0)));
            assertThat(completion.getFinishReason()).isEqualTo("length");
            assertThat(completion.getUsage().getGeneratedTokens()).isEqualTo(40);
            assertThat(completion.getUsage().getReusedTokens()).isZero();
            assertThat(completion.getLogprobs()).hasSize(40);
            assertThat(completion.getCache().getBytes()).isPositive();
            assertThat(harness.tokens())
                    .extracting(TokenDelta::getIndex)
                    .containsExactlyElementsOf(IntStream.range(0, 40).boxed().toList());
            assertThat(
                            harness.tokens().stream()
                                    .map(TokenDelta::getText)
                                    .reduce("", String::concat))
                    .isEqualTo(completion.getText());
            assertThat(completion.getHeaders()).isEqualTo(turn.headers());
            assertThat(harness.tokens().get(0).getHeaders()).isEqualTo(turn.headers());
        }
    }

    @Test
    void secondTurnComputesOnlyItsOwnTokens() throws Exception {
        Prompt first = Prompts.turn("s", "r1", "hello there", 40);
        Prompt second = Prompts.turn("s", "r2", "and then?", 40);
        try (GenerationHarness harness = open()) {
            harness.send(first);
            harness.runAll();
            harness.send(second);
            harness.runAll();
            List<int[]> expected = alone(first, second);
            assertThat(harness.completions())
                    .extracting(Completion::getTokenIds)
                    .containsExactly(boxed(expected.get(0)), boxed(expected.get(1)));
            int prompt = harness.completions().get(0).getUsage().getPromptTokens();
            assertThat(harness.completions().get(1).getUsage().getReusedTokens())
                    .isEqualTo(prompt + 39);
        }
    }

    @Test
    void turnsOfASessionRunInOrderBesideOthers() throws Exception {
        try (GenerationHarness harness = open()) {
            for (int request = 0; request < 3; request++) {
                for (String session : List.of("a", "b", "c")) {
                    harness.send(Prompts.turn(session, "r" + request, "text " + request, 5));
                }
            }
            int mails = harness.runAll();
            assertThat(harness.completions()).hasSize(9);
            for (String session : List.of("a", "b", "c")) {
                assertThat(harness.completions())
                        .filteredOn(c -> c.getSessionId().equals(session))
                        .extracting(Completion::getRequestId)
                        .containsExactly("r0", "r1", "r2");
            }
            // 3 turns of 5 tokens after each other, 3 sessions at once, every second mail gives way
            // to input.
            assertThat(mails).isBetween(30, 40);
        }
    }

    @Test
    void repeatsAreAnsweredFromTheRecord() throws Exception {
        Prompt turn = Prompts.turn("s", "r1", "hello", 5);
        try (GenerationHarness harness = open()) {
            harness.send(turn);
            harness.send(turn);
            harness.runMail();
            harness.send(turn);
            harness.runAll();
            assertThat(harness.completions()).hasSize(1);
            harness.send(turn);
            assertThat(harness.completions()).hasSize(2);
            Completion repeated = harness.completions().get(1);
            assertThat(repeated.getRepeated()).isTrue();
            repeated.setRepeated(false);
            assertThat(repeated).isEqualTo(harness.completions().get(0));
        }
    }

    @Test
    void onlyTheLastRequestIdsAreRemembered() throws Exception {
        try (GenerationHarness harness = open()) {
            for (String request : List.of("r1", "r2", "r3", "r1", "r3")) {
                harness.send(Prompts.turn("s", request, "hello", 3));
                harness.runAll();
            }
            assertThat(harness.completions())
                    .extracting(Completion::getRepeated)
                    .containsExactly(false, false, false, false, true);
        }
    }

    @Test
    void endOfSessionForgetsItAfterWhatIsQueued() throws Exception {
        Prompt turn = Prompts.turn("s", "r", "hello", 5);
        try (GenerationHarness harness = open()) {
            harness.send(turn);
            harness.send(Prompts.endSession("s"));
            harness.send(turn);
            harness.runAll();
            assertThat(harness.completions())
                    .extracting(Completion::getTokenIds)
                    .containsExactly(boxed(alone(turn).get(0)), boxed(alone(turn).get(0)));
            assertThat(harness.completions().get(1).getUsage().getReusedTokens()).isZero();
            assertThat(harness.completions().get(1).getRepeated()).isFalse();
            harness.send(Prompts.endSession("s"));
            assertThat(harness.stateEntries()).isZero();
        }
    }

    @Test
    void cancelEndsRunningAndQueuedTurns() throws Exception {
        try (GenerationHarness harness = open()) {
            harness.send(Prompts.turn("s", "r1", "hello", 50));
            harness.send(Prompts.turn("s", "r2", "again", 50));
            harness.send(Prompts.turn("s", "r3", "again", 5));
            harness.runUntilTokens(4);
            harness.send(Prompts.cancel("s", "r2"));
            harness.send(Prompts.cancel("s", "r1"));
            harness.send(Prompts.cancel("s", "unknown"));
            harness.runAll();
            assertThat(harness.completions())
                    .extracting(
                            Completion::getRequestId,
                            Completion::getFinishReason,
                            c -> c.getTokenIds().size())
                    .containsExactly(
                            tuple("r2", "cancelled", 0),
                            tuple("r1", "cancelled", 4),
                            tuple("r3", "length", 5));
        }
    }

    @Test
    void deadlineEndsTurns() throws Exception {
        try (GenerationHarness harness = open()) {
            harness.flink().setProcessingTime(100);
            PromptRequest request =
                    Prompts.turnRequest("s", "r", "hello", 50).setDeadlineMillis(200).build();
            harness.send(Prompts.stamped(request, 100));
            harness.runUntilTokens(3);
            harness.flink().setProcessingTime(200);
            harness.runAll();
            assertThat(harness.completions())
                    .extracting(Completion::getFinishReason)
                    .containsExactly("deadline");
            assertThat(harness.completions().get(0).getTokenIds()).hasSize(3);
        }
    }

    @Test
    void sessionsAgeByTheTimestampsOfTheirPrompts() throws Exception {
        Prompt turn = Prompts.turn("s", "r", "hello", 5);
        try (GenerationHarness harness = open()) {
            harness.send(turn);
            harness.runAll();
            PromptRequest again = Prompts.turnRequest("s", "r2", "hello", 5).build();
            harness.send(Prompts.stamped(again, 61_000));
            harness.runAll();
            assertThat(harness.completions().get(1).getUsage().getReusedTokens()).isPositive();
            harness.send(Prompts.stamped(turn.request(), 121_001));
            harness.runAll();
            assertThat(harness.completions().get(2).getUsage().getReusedTokens()).isZero();
            assertThat(harness.completions().get(2).getTokenIds())
                    .isEqualTo(harness.completions().get(0).getTokenIds());
        }
    }

    @Test
    void watermarksFreeSessionsThatTheyLeaveBehind() throws Exception {
        try (GenerationHarness harness = open()) {
            harness.send(Prompts.turn("old", "r", "hello", 5));
            harness.runAll();
            int entries = harness.stateEntries();
            harness.watermarkMillis(60_999);
            assertThat(harness.stateEntries()).as("a prompt of 61000 may come").isEqualTo(entries);
            PromptRequest other = Prompts.turnRequest("new", "r", "hello", 5).build();
            harness.send(Prompts.stamped(other, 61_001));
            harness.runAll();
            assertThat(harness.stateEntries()).isEqualTo(2 * entries);
            harness.watermarkMillis(61_000);
            assertThat(harness.stateEntries()).isEqualTo(entries);
            harness.watermarkMillis(121_000);
            assertThat(harness.stateEntries()).isEqualTo(entries);
            harness.watermarkMillis(121_001);
            assertThat(harness.stateEntries()).isZero();
        }
    }

    @Test
    void refusesByNameWithoutHarmToTheSession() throws Exception {
        try (GenerationHarness harness = open()) {
            harness.send(Prompts.turn("s", "long", "long text ".repeat(1000), 5));
            harness.send(Prompts.turn("s", "r", "hello", 5));
            harness.runAll();
            assertThat(harness.deadLetters())
                    .singleElement()
                    .satisfies(
                            letter -> {
                                assertThat(letter.reason().code()).isEqualTo("prompt_too_long");
                                assertThat(letter.detail()).contains("contextLength=");
                                assertThat(letter.prompt().attachment()).containsExactly(1, 2, 3);
                            });
            assertThat(harness.completions())
                    .extracting(Completion::getRequestId)
                    .containsExactly("r");
        }
    }

    @Test
    void refusesWhatTheSessionHasNoRoomFor() throws Exception {
        try (GenerationHarness harness = open()) {
            harness.send(Prompts.turn("s", "r1", "word ".repeat(100), 5));
            harness.send(Prompts.turn("s", "r2", "word ".repeat(100), 5));
            harness.send(Prompts.turn("s", "r3", "word", 5));
            harness.runAll();
            assertThat(harness.completions())
                    .extracting(Completion::getRequestId)
                    .containsExactly("r1", "r3");
            assertThat(harness.deadLetters())
                    .extracting(letter -> letter.reason().code())
                    .containsExactly("session_too_long");
        }
    }

    @Test
    void refusesWhatThePoolCanNeverHold() throws Exception {
        try (GenerationHarness harness =
                new GenerationHarness(OPTIONS, new HashMapStateBackend(), 1, 0, SMALL_MANAGED_BYTES)
                        .open()) {
            harness.send(Prompts.turn("s", "r1", "hello", 400));
            harness.send(Prompts.turn("s", "r2", "hello", 4));
            harness.runAll();
            assertThat(harness.completions())
                    .extracting(Completion::getRequestId)
                    .containsExactly("r2");
            assertThat(harness.deadLetters())
                    .singleElement()
                    .satisfies(
                            letter -> {
                                assertThat(letter.reason().code()).isEqualTo("pool_too_small");
                                assertThat(letter.detail()).contains("poolBytes=", "neededBytes=");
                            });
        }
    }

    @Test
    void requestsWaitInOrderWhileThePoolIsFull() throws Exception {
        try (GenerationHarness harness =
                new GenerationHarness(OPTIONS, new HashMapStateBackend(), 1, 0, SMALL_MANAGED_BYTES)
                        .open()) {
            for (int session = 0; session < 6; session++) {
                harness.send(Prompts.turn("s" + session, "r", "hello", 250));
            }
            harness.runUntilTokens(10);
            long live = harness.tokens().stream().map(TokenDelta::getSessionId).distinct().count();
            assertThat(live).isLessThan(6);
            harness.runAll();
            assertThat(harness.completions())
                    .extracting(Completion::getSessionId)
                    .containsExactly("s0", "s1", "s2", "s3", "s4", "s5");
        }
    }

    @Test
    void chatGoesThroughTheTemplate() throws Exception {
        PromptRequest first =
                Prompts.turnRequest("s", "r1", null, 6)
                        .setMessages(List.of(new ChatMessage("user", "hello <|im_end|>")))
                        .build();
        PromptRequest second =
                Prompts.turnRequest("s", "r2", null, 6)
                        .setMessages(List.of(new ChatMessage("user", "more")))
                        .build();
        try (GenerationHarness harness = open();
                Model model = Model.open(TinyModel.path(), TinyModel.OPTIONS)) {
            harness.send(Prompts.stamped(first, 1));
            harness.send(Prompts.stamped(second, 1));
            harness.runAll();
            ChatTemplate template = model.chatTemplate();
            assertThat(harness.completions())
                    .extracting(completion -> completion.getUsage().getPromptTokens())
                    .containsExactly(
                            template.encodeFirstTurn(
                                            List.of(
                                                    new ChatTemplate.Message(
                                                            "user", "hello <|im_end|>")))
                                    .length,
                            template.encodeNextTurn(
                                            List.of(new ChatTemplate.Message("user", "more")),
                                            false)
                                    .length);
        }
    }

    @Test
    void batchModeIsRefusedByName() throws Exception {
        try (GenerationHarness harness =
                new GenerationHarness(OPTIONS, new BatchExecutionStateBackend(), 1, 0)) {
            assertThatThrownBy(harness::open)
                    .hasStackTraceContaining("execution.runtime-mode=BATCH");
        }
    }

    @Test
    void boundedInputIsAnsweredAtItsEnd() throws Exception {
        try (GenerationHarness harness = open()) {
            harness.send(Prompts.turn("s", "r", "hello", 5));
            harness.flink().endInput();
            assertThat(harness.completions()).hasSize(1);
        }
    }

    @Test
    void startFailsWithoutMemoryForThePool() throws Exception {
        try (GenerationHarness harness =
                new GenerationHarness(OPTIONS, new HashMapStateBackend(), 1, 0, 64 << 10)) {
            assertThatThrownBy(harness::open)
                    .hasStackTraceContaining("pool")
                    .hasStackTraceContaining("poolBytes=");
        }
    }

    @Test
    void stateHoldsNothingOfUnansweredWorkOnceAllIsAnswered() throws Exception {
        try (GenerationHarness harness = open()) {
            harness.send(Prompts.turn("s", "r", "hello", 5));
            harness.runAll();
            OperatorSubtaskState state = harness.snapshot();
            try (GenerationHarness restored =
                    new GenerationHarness(OPTIONS, new HashMapStateBackend(), 1, 0)) {
                restored.open(state, 1, 1);
                assertThat(restored.runMail()).isFalse();
            }
        }
    }
}
