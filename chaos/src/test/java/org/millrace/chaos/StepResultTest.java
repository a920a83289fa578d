// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class StepResultTest {
    private static final TurnId TURN = new TurnId("s", "r");
    private static final Verdict CLEAN = new Verdict(List.of(), List.of(), List.of());

    @Test
    void aSessionThatWaitedTooLongForAKilledTaskManagerIsAFinding() {
        assertThat(findings(CheckStep.TASKMANAGER, 8, 11, "")).isEmpty();
        assertThat(findings(CheckStep.TASKMANAGER, 8, 13, ""))
                .containsExactly("taskmanager: gap=13.0 s, must be at most 12 s");
        assertThat(findings(CheckStep.RESTART, 8, 13, "")).isEmpty();
    }

    @Test
    void aStepThatMetTooFewGenerationsOrFailedIsAFinding() {
        assertThat(findings(CheckStep.MOVED, 7, 1, "no"))
                .containsExactly("moved: no", "moved: too few live generations: 7 at kill");
    }

    private static List<String> findings(CheckStep step, int live, int seconds, String failure) {
        Recovery recovery = new Recovery(0, Set.of(TURN), 0);
        recovery.progressed(TURN, seconds * 1_000_000_000L, 1);
        return new StepResult(
                        step,
                        List.of(new Interruption("kill", live, recovery)),
                        List.of(TURN),
                        new Outcome(),
                        new JournalAudit(),
                        failure,
                        "")
                .findings(CLEAN);
    }
}
