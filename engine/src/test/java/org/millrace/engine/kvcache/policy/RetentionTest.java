// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class RetentionTest {
    static List<String> names() {
        return RetentionPolicies.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void textFormComesBack(String name) {
        Retention retention = Retention.of(name);
        assertThat(Retention.parse(retention.toString())).isEqualTo(retention);
        assertThat(RetentionPolicies.lookup(retention).rungs()).isNotEmpty();
        for (RetentionOption option : retention.options().keySet()) {
            Retention same = retention.with(option, retention.options().get(option));
            assertThat(same).isEqualTo(retention);
        }
    }

    @Test
    void textFormNamesEveryOptionThatThePolicyTakes() {
        assertThat(Retention.parse("  window   local-ratio=.25 "))
                .hasToString("window local-ratio=0.25 review-interval=1");
        assertThat(Retention.of("full")).hasToString("full");
    }

    @Test
    void ladderCanBeGiven() {
        Retention retention =
                Retention.parse("fastgen-paper ladder=special,sinks+recent+3..5/16,full");
        assertThat(RetentionPolicies.lookup(retention).rungs())
                .containsExactly(
                        "special",
                        "sinks+recent+3/16",
                        "sinks+recent+4/16",
                        "sinks+recent+5/16",
                        "full");
    }

    @Test
    void longestLadder() {
        Retention retention = Retention.parse("fastgen-paper ladder=1..63/64,full");
        assertThat(RetentionPolicies.lookup(retention).rungs()).hasSize(64);
    }

    @Test
    void longTextIsRefused() {
        assertThatThrownBy(
                        () ->
                                Retention.parse(
                                        "fastgen-paper ladder=" + "full,".repeat(1 << 14) + "full"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("bad retention: retentionBytes=81945, must be at most 1024");
        assertThatThrownBy(() -> Retention.parse("ä".repeat(513)))
                .hasMessageContaining("retentionBytes=1026");
    }

    /** What is stored names all options: it must be readable again. */
    @Test
    void textThatIsTooLongWithAllOptionsIsRefused() {
        String ladder = "special+special+special+special,".repeat(31) + "full";
        String text = "fastgen-paper ladder=" + ladder;
        assertThat(text).hasSizeLessThan(Retention.MAX_TEXT_BYTES);
        assertThatThrownBy(() -> Retention.parse(text))
                .hasMessageContaining("retentionBytes=")
                .hasMessageContaining("must be at most 1024");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "fastgenn | policy=fastgenn, known=full, fastgen",
                "fastgen recovery=1.5 | recovery=1.5, must be a number from 0 to 1",
                "fastgen recovery=NaN | recovery=NaN, must be a number from 0 to 1",
                "fastgen recovery=much | recovery=much, must be a number from 0 to 1",
                "fastgen sinks=-1 | sinks=-1, must be a whole number from 0",
                "fastgen colour=blue | option=colour, known=recovery, local-ratio",
                "fastgen recovery | word=recovery, must be option=value",
                "fastgen keep=0.5 keep=0.5 | option=keep is given twice",
                "full recovery=0.9 | policy=full does not take recovery, it takes no options",
                "window keep=0.9 | does not take keep, it takes local-ratio, review-interval",
                "fastgen-paper score=best | score=best, must be one of sum, mean, peak",
                "fastgen-paper rows=last:0 | rows=last:0, must be all, last:32 or last:1/4",
                "fastgen-paper ladder=special+noise,full | component=noise, must be special",
                "fastgen-paper ladder=special,local | last of several rungs must be full",
                "fastgen-paper ladder=1/16+special,full | a budget must come last in its rung",
                "fastgen-paper ladder=1..64/64,full | rungs=65, must be at most 64",
                "fastgen-paper ladder=1..9999/9999,1..9999/9999,full | rungs=19999, must be at most 64",
                "fastgen-paper ladder=5..1/16,full | range=5..1/16, must ascend",
                "fastgen-paper ladder=5..1/16 | range=5..1/16, must ascend"
            })
    void badTextIsNamed(String text, String message) {
        assertThatThrownBy(() -> Retention.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }
}
