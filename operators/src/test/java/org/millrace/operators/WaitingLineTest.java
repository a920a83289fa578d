package org.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class WaitingLineTest {
    private final WaitingLine line = new WaitingLine();

    private List<String> leaveAll() {
        List<String> order = new ArrayList<>();
        while (!line.isEmpty()) {
            String session = line.first().sessionId();
            line.leave(session);
            order.add(session);
        }
        return order;
    }

    @Test
    void equalPrioritiesLeaveInOrderOfJoining() {
        line.join("b", 0);
        line.join("a", 0);
        line.join("c", 0);
        assertThat(leaveAll()).containsExactly("b", "a", "c");
    }

    @Test
    void higherPriorityGoesFirst() {
        line.join("low", -1);
        line.join("normal", 0);
        line.join("high", 5);
        assertThat(leaveAll()).containsExactly("high", "normal", "low");
    }

    @Test
    void turnsThatRanBeforeGoFirst() {
        line.join("urgent", 100);
        line.joinResuming("ran", 0);
        assertThat(leaveAll()).containsExactly("ran", "urgent");
    }

    @Test
    void sessionsTakeTurns() {
        line.join("many", 0);
        line.join("few", 0);
        line.leave("many");
        line.join("many", 0);
        assertThat(leaveAll()).containsExactly("few", "many");
    }

    @Test
    void leavingWithoutAPlaceIsNothing() {
        line.join("a", 0);
        line.leave("b");
        assertThat(line.size()).isOne();
        assertThat(line.first().sessionId()).isEqualTo("a");
    }
}
