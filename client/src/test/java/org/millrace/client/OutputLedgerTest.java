// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.schemas.Completion;
import org.millrace.schemas.TokenDelta;

class OutputLedgerTest {
    private final OutputLedger ledger = new OutputLedger();

    @Test
    void repeatsAreDropped() {
        assertThat(ledger.isNew(token(0, "a"))).isTrue();
        assertThat(ledger.isNew(token(1, "b"))).isTrue();
        assertThat(ledger.isNew(token(0, "a"))).isFalse();
    }

    @Test
    void aDifferentRepeatIsAnError() {
        ledger.isNew(token(0, "a"));
        assertThatThrownBy(() -> ledger.isNew(token(0, "b")))
                .hasMessageContaining("two different tokens of one index");
    }

    /** After its session was ended a request id may come again, with another generation. */
    @Test
    void anAnsweredTurnMayBeginAgain() {
        ledger.isNew(token(0, "a"));
        ledger.add(Completion.newBuilder().setSessionId("s").setRequestId("r").build());
        assertThat(ledger.isNew(token(0, "a"))).isFalse();
        assertThat(ledger.isNew(token(0, "b"))).isTrue();
    }

    @Test
    void turnsThatWentOnAreKeptAndOthersForgotten() {
        ledger.isNew(token(0, "a"));
        for (int i = 0; i < 10_000; i++) {
            ledger.isNew(token("other-" + i, 0, "a"));
            if (i % 1000 == 0) {
                assertThat(ledger.isNew(token(0, "a"))).isFalse();
            }
        }
        assertThat(ledger.isNew(token("other-9999", 0, "a"))).isFalse();
        assertThat(ledger.isNew(token("other-0", 0, "a"))).isTrue();
    }

    private static TokenDelta token(int index, String text) {
        return token("s", index, text);
    }

    private static TokenDelta token(String session, int index, String text) {
        return new TokenDelta(session, "r", index, text.charAt(0) + 0, text, null, List.of());
    }
}
