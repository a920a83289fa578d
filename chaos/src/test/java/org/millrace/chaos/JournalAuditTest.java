// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class JournalAuditTest {
    private final JournalAudit audit = new JournalAudit();

    @Test
    void whatCameAfterTheCheckpointIsRedoneAndNotRecomputed() throws IOException {
        open("a", -1);
        computed("a", "prefill", 0, 40);
        saved("a", "snapshot", 40, 1);
        checkpoint("a", 1);
        computed("a", "prefill", 40, 60);
        computed("a", "decode", 60, 70);

        open("b", 1);
        computed("b", "prefill", 40, 60);
        computed("b", "decode", 60, 80);

        assertThat(audit.promptTokensRecomputed()).isZero();
        assertThat(audit.tokensRedone()).isEqualTo(30);
        assertThat(audit.restores()).isEqualTo(1);
    }

    @Test
    void whatTheCheckpointHeldIsRecomputed() throws IOException {
        open("a", -1);
        computed("a", "prefill", 0, 40);
        saved("a", "snapshot", 40, 1);
        checkpoint("a", 1);

        open("b", 1);
        computed("b", "prefill", 0, 60);

        assertThat(audit.promptTokensRecomputed()).isEqualTo(40);
        assertThat(audit.tokensRedone()).isZero();
    }

    @Test
    void aCheckpointThatWasNotRestoredCoversNothing() throws IOException {
        open("a", -1);
        computed("a", "prefill", 0, 40);
        checkpoint("a", 1);
        saved("a", "snapshot", 40, 2);
        checkpoint("a", 2);

        open("b", 1);
        computed("b", "prefill", 0, 40);

        assertThat(audit.promptTokensRecomputed()).isZero();
        assertThat(audit.tokensRedone()).isEqualTo(40);
    }

    @Test
    void anIdleSessionIsCoveredByEveryLaterCheckpoint() throws IOException {
        open("a", -1);
        computed("a", "prefill", 0, 40);
        saved("a", "store", 40, -1);
        checkpoint("a", 1);
        open("b", 1);
        checkpoint("b", 2);
        open("c", 2);
        computed("c", "prefill", 30, 50);

        assertThat(audit.promptTokensRecomputed()).isEqualTo(10);
    }

    @Test
    void anOperatorThatOutlivesItsJobDoesNotDisturb() throws IOException {
        open("a", -1);
        computed("a", "prefill", 0, 40);
        saved("a", "snapshot", 40, 1);
        checkpoint("a", 1);
        open("b", 1);
        // Its JobManager is dead, and it has not noticed.
        computed("a", "decode", 40, 45);
        saved("a", "store", 45, -1);
        computed("b", "decode", 40, 50);
        computed("b", "prefill", 50, 60);

        assertThat(audit.promptTokensRecomputed()).isZero();
        assertThat(audit.tokensRedone()).isEqualTo(5);
    }

    private void open(String operator, long checkpoint) throws IOException {
        accept(
                "{'event':'open','checkpoint':%d,'subtask':0,'operator':'%s'}",
                checkpoint, operator);
    }

    private void computed(String operator, String event, int from, int to) throws IOException {
        accept(
                "{'event':'%s','session':'s','from':%d,'to':%d,'operator':'%s'}",
                event, from, to, operator);
    }

    private void saved(String operator, String event, int positions, long checkpoint)
            throws IOException {
        accept(
                "{'event':'%s','session':'s','positions':%d,'checkpoint':%d,'operator':'%s'}",
                event, positions, checkpoint, operator);
    }

    private void checkpoint(String operator, long id) throws IOException {
        accept("{'event':'checkpoint','checkpoint':%d,'operator':'%s'}", id, operator);
    }

    private void accept(String format, Object... values) throws IOException {
        audit.accept(new ObjectMapper().readTree(String.format(format, values).replace('\'', '"')));
    }
}
