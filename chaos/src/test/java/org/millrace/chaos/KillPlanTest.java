// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class KillPlanTest {
    private static final Set<FaultKind> ALL = EnumSet.allOf(FaultKind.class);

    @Test
    void isTheSameForTheSameSeed() {
        assertThat(KillPlan.of(7, 30, ALL)).isEqualTo(KillPlan.of(7, 30, ALL));
        assertThat(KillPlan.of(7, 30, ALL)).isNotEqualTo(KillPlan.of(8, 30, ALL));
    }

    @Test
    void hundredFaultsFallOftenInEachPhaseAndAreOfAllKinds() {
        for (long seed = 0; seed < 50; seed++) {
            List<KillPlan.Kill> plan = KillPlan.of(seed, 100, ALL);
            assertThat(plan).hasSize(100);
            for (Phase phase : Phase.values()) {
                assertThat(plan).filteredOn(kill -> kill.phase() == phase).hasSizeGreaterThan(9);
            }
            for (FaultKind kind : ALL) {
                assertThat(plan).filteredOn(kill -> kill.kind() == kind).hasSizeGreaterThan(9);
            }
        }
    }

    @Test
    void fiveFaultsAreOfFiveKinds() {
        for (long seed = 0; seed < 50; seed++) {
            assertThat(KillPlan.of(seed, 5, ALL))
                    .extracting(KillPlan.Kill::kind)
                    .as("seed " + seed)
                    .doesNotHaveDuplicates();
        }
    }

    @Test
    void restoreFollowsAFaultThatRestartsTheJob() {
        List<KillPlan.Kill> plan = KillPlan.of(3, 200, ALL);
        assertThat(IntStream.range(0, 200).filter(i -> plan.get(i).phase() == Phase.RESTORE))
                .isNotEmpty()
                .allSatisfy(i -> assertThat(plan.get(i - 1).kind().restartsJob()).isTrue());
    }

    @Test
    void kindsThatCannotBeHadAreLeftOut() {
        assertThat(KillPlan.of(1, 50, EnumSet.complementOf(EnumSet.of(FaultKind.DISK_FULL))))
                .noneMatch(kill -> kill.kind() == FaultKind.DISK_FULL);
    }
}
