// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.TreeMap;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.junit.jupiter.api.Test;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.GenerationListener;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.TokenDelta;

/** A turn that makes every step fail that it is part of. */
class StepFailuresTest {
    private static final Setup SETUP =
            Setup.of(TinyModel.path(), TinyModel.OPTIONS)
                    .with(GenerationOptions.MAX_BATCH_TOKENS, 32)
                    .with(GenerationOptions.MAX_SEQUENCES, 8);

    /** Fails the steps of some sessions, from their Nth step on. */
    private static GenerationListener.Factory failing(String sessions, int firstStep) {
        return (subtask, attempt) ->
                new GenerationListener() {
                    private int steps;

                    @Override
                    public void stepping(String session, String request) {
                        if (session.matches(sessions) && ++steps >= firstStep) {
                            throw new ArithmeticException("broken by " + session);
                        }
                    }
                };
    }

    private static GenerationHarness open(Setup setup) throws Exception {
        return new GenerationHarness(setup, new HashMapStateBackend(), 1, 0).open();
    }

    private static void sendAll(GenerationHarness harness) throws Exception {
        for (String session : List.of("s1", "s2", "bad", "s3", "s4")) {
            harness.send(Prompts.turn(session, "r1", session + " asks a question", 12));
        }
        harness.send(Prompts.turn("s1", "r2", "and another one", 5));
        harness.send(Prompts.turn("bad", "r2", "what comes after", 5));
    }

    @Test
    void theTurnAtFaultIsADeadLetterAndTheOthersGoOn() throws Exception {
        TreeMap<String, List<Object>> undisturbed;
        try (GenerationHarness harness = open(SETUP)) {
            sendAll(harness);
            harness.runAll();
            undisturbed = GenerationHarness.comparable(harness.completions());
        }
        undisturbed.remove("bad/r1");
        undisturbed.remove("bad/r2");
        try (GenerationHarness harness = open(SETUP.listening(failing("bad", 4)))) {
            sendAll(harness);
            harness.runAll();
            assertThat(GenerationHarness.comparable(harness.completions())).isEqualTo(undisturbed);
            assertThat(harness.deadLetters())
                    .hasSize(2)
                    .allSatisfy(
                            letter -> {
                                assertThat(letter.prompt().session()).isEqualTo("bad");
                                assertThat(letter.reason()).isEqualTo(DeadLetterReason.FAILED);
                                assertThat(letter.detail()).contains("broken by bad");
                            });
            assertThat(harness.tokens())
                    .filteredOn(token -> !token.getSessionId().equals("bad"))
                    .extracting(
                            TokenDelta::getSessionId,
                            TokenDelta::getRequestId,
                            TokenDelta::getIndex)
                    .doesNotHaveDuplicates();
        }
    }

    @Test
    void whatFailsEveryTurnFailsTheTask() throws Exception {
        try (GenerationHarness harness = open(SETUP.listening(failing(".*", 3)))) {
            sendAll(harness);
            assertThatThrownBy(harness::runAll).hasMessageContaining("broken by");
        }
    }
}
