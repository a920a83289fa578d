// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.engine.batch.Urgency;

class WaitingLineTest {
    private final WaitingLine line = new WaitingLine();

    private List<String> leaveAll() {
        List<String> order = new ArrayList<>();
        while (!line.isEmpty()) {
            String session = line.first().session();
            line.leave(session);
            order.add(session);
        }
        return order;
    }

    @Test
    void equalPrioritiesLeaveInOrderOfJoining() {
        line.join("b", 0, 1000);
        line.join("a", 0, 1000);
        line.join("c", 0, 1000);
        assertThat(leaveAll()).containsExactly("b", "a", "c");
    }

    @Test
    void higherPriorityGoesFirst() {
        line.join("low", -1, 1000);
        line.join("normal", 0, 1000);
        line.join("high", 5, 1000);
        assertThat(leaveAll()).containsExactly("high", "normal", "low");
    }

    @Test
    void waitingMakesUpForPriority() {
        line.join("patient", 0, 0);
        line.join("urgent", 1, Urgency.AGEING_MILLIS - 1);
        line.join("late", 1, Urgency.AGEING_MILLIS + 1);
        assertThat(leaveAll()).containsExactly("urgent", "patient", "late");
    }

    @Test
    void turnsThatRanBeforeGoFirst() {
        line.join("urgent", 100, 1000);
        line.joinResuming("ran", 0, 1000);
        assertThat(leaveAll()).containsExactly("ran", "urgent");
    }

    @Test
    void sessionsTakeTurns() {
        line.join("many", 0, 1000);
        line.join("few", 0, 1000);
        line.leave("many");
        line.join("many", 0, 1000);
        assertThat(leaveAll()).containsExactly("few", "many");
    }

    @Test
    void leavingWithoutAPlaceIsNothing() {
        line.join("a", 0, 1000);
        line.leave("b");
        assertThat(line.size()).isOne();
        assertThat(line.first().session()).isEqualTo("a");
    }
}
