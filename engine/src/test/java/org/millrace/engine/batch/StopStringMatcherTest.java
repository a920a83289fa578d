// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class StopStringMatcherTest {
    @Test
    void holdsBackWhatMayStartAStopString() {
        StopStringMatcher matcher = new StopStringMatcher(List.of("END"));
        assertThat(matcher.append("the E")).isEqualTo("the ");
        assertThat(matcher.append("N")).isEmpty();
        assertThat(matcher.append("ergy")).isEqualTo("ENergy");
        assertThat(matcher.matched()).isFalse();
    }

    @Test
    void findsAStopStringAcrossPieces() {
        StopStringMatcher matcher = new StopStringMatcher(List.of("\n\nUser:", "END"));
        assertThat(matcher.append("Hello\n")).isEqualTo("Hello");
        assertThat(matcher.append("\nUse")).isEmpty();
        assertThat(matcher.append("r: more")).isEmpty();
        assertThat(matcher.matched()).isTrue();
    }

    @Test
    void takesTheFirstOfSeveral() {
        StopStringMatcher matcher = new StopStringMatcher(List.of("b", "ab"));
        assertThat(matcher.append("xxab")).isEqualTo("xx");
        assertThat(matcher.matched()).isTrue();
    }

    @Test
    void givesTheRestAtTheEnd() {
        StopStringMatcher matcher = new StopStringMatcher(List.of("END"));
        assertThat(matcher.append("EN")).isEmpty();
        assertThat(matcher.flush()).isEqualTo("EN");
    }

    @Test
    void passesEverythingWithoutStopStrings() {
        assertThat(new StopStringMatcher(List.of()).append("text")).isEqualTo("text");
    }
}
