// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.junit.jupiter.api.Test;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.GenerationOptions.Watermarks;
import org.millrace.operators.Prompt;
import org.millrace.schemas.Completion;

/** Watermarks beside turns that have no answer yet. */
class EventTimeTest {
    private static final Setup HOLD =
            Setup.of(TinyModel.path(), TinyModel.OPTIONS)
                    .with(GenerationOptions.MAX_SEQUENCES, 4)
                    .with(GenerationOptions.MAX_BATCH_TOKENS, 64);

    private static GenerationHarness open(Setup setup) throws Exception {
        return new GenerationHarness(setup, new HashMapStateBackend(), 1, 0).open();
    }

    private static Prompts.Stamped prompt(String session, long timestampMillis) {
        Prompt turn = Prompts.turn(session, "r", "hello", 6);
        return new Prompts.Stamped(turn, timestampMillis);
    }

    private static List<Long> watermarks(GenerationHarness harness) {
        return harness.flink().getOutput().stream()
                .filter(Watermark.class::isInstance)
                .map(mark -> ((Watermark) mark).getTimestamp())
                .toList();
    }

    @Test
    void answersHaveTheTimestampOfTheirPrompt() throws Exception {
        try (GenerationHarness harness = open(HOLD)) {
            harness.send(prompt("s", 4321));
            harness.runAll();
            Object answer = harness.flink().getOutput().peek();
            assertThat(((StreamRecord<?>) answer).getTimestamp()).isEqualTo(4321);
        }
    }

    @Test
    void aPromptWithoutTimestampHasAnAnswerWithoutOne() throws Exception {
        try (GenerationHarness harness = open(HOLD)) {
            harness.flink().processElement(new StreamRecord<>(Prompts.turn("s", "r", "hi", 3)));
            harness.watermarkMillis(9000);
            harness.runAll();
            Object first = harness.flink().getOutput().poll();
            assertThat(first).isEqualTo(new Watermark(9000));
            Object answer = harness.flink().getOutput().poll();
            assertThat(((StreamRecord<?>) answer).hasTimestamp()).isFalse();
            assertThat(((Completion) ((StreamRecord<?>) answer).getValue()).getLate()).isFalse();
        }
    }

    @Test
    void aWatermarkWaitsForTheOldestTurn() throws Exception {
        try (GenerationHarness harness = open(HOLD)) {
            harness.send(prompt("a", 1000));
            harness.send(prompt("b", 3000));
            harness.watermarkMillis(500);
            harness.watermarkMillis(5000);
            assertThat(watermarks(harness)).containsExactly(500L, 999L);
            harness.runAll();
            assertThat(harness.completions()).hasSize(2).noneMatch(Completion::getLate);
            assertThat(watermarks(harness)).last().isEqualTo(5000L);
        }
    }

    @Test
    void aWatermarkMayBeAheadByTheAllowedLateness() throws Exception {
        Setup setup = HOLD.with(GenerationOptions.ALLOWED_LATENESS, Duration.ofMillis(700));
        try (GenerationHarness harness = open(setup)) {
            harness.send(prompt("a", 1000));
            harness.watermarkMillis(5000);
            assertThat(watermarks(harness)).containsExactly(1699L);
            harness.runAll();
            assertThat(harness.completions()).singleElement().matches(Completion::getLate);
            assertThat(watermarks(harness)).last().isEqualTo(5000L);
        }
    }

    @Test
    void aWatermarkThatPassesMarksAnswersAsLate() throws Exception {
        Setup setup = HOLD.with(GenerationOptions.WATERMARKS, Watermarks.PASS);
        try (GenerationHarness harness = open(setup)) {
            harness.send(prompt("a", 1000));
            harness.send(prompt("b", 6000));
            harness.watermarkMillis(5000);
            assertThat(watermarks(harness)).containsExactly(5000L);
            harness.runAll();
            assertThat(harness.completions())
                    .extracting(Completion::getSessionId, Completion::getLate)
                    .containsExactlyInAnyOrder(
                            org.assertj.core.groups.Tuple.tuple("a", true),
                            org.assertj.core.groups.Tuple.tuple("b", false));
        }
    }

    @Test
    void turnsHoldWatermarksAfterARestore() throws Exception {
        OperatorSubtaskState state;
        try (GenerationHarness harness = open(HOLD)) {
            harness.send(prompt("running", 2000));
            harness.runUntilTokens(3);
            harness.send(prompt("waiting", 1000));
            state = harness.snapshot();
        }
        try (GenerationHarness harness =
                new GenerationHarness(HOLD, new HashMapStateBackend(), 1, 0)) {
            harness.open(state, 1, 1);
            harness.watermarkMillis(5000);
            assertThat(watermarks(harness)).containsExactly(999L);
            harness.runAll();
            assertThat(harness.completions()).hasSize(2).noneMatch(Completion::getLate);
            assertThat(watermarks(harness)).last().isEqualTo(5000L);
        }
    }

    @Test
    void anIdleInputIsActiveWhileTurnsRun() throws Exception {
        try (GenerationHarness harness = open(HOLD)) {
            harness.send(prompt("a", 1000));
            harness.flink().processWatermarkStatus(WatermarkStatus.IDLE);
            assertThat(harness.flink().getOutput()).isEmpty();
            harness.runAll();
            assertThat(harness.flink().getOutput()).last().isEqualTo(WatermarkStatus.IDLE);
            harness.send(prompt("b", 2000));
            assertThat(harness.flink().getOutput()).last().isEqualTo(WatermarkStatus.ACTIVE);
        }
    }

    @Test
    void theEndOfABoundedInputIsTheLastWatermark() throws Exception {
        try (GenerationHarness harness = open(HOLD)) {
            harness.send(prompt("a", 1000));
            harness.watermarkMillis(Long.MAX_VALUE);
            harness.flink().endInput();
            assertThat(harness.completions()).hasSize(1);
            assertThat(watermarks(harness)).containsExactly(999L, Long.MAX_VALUE);
        }
    }
}
