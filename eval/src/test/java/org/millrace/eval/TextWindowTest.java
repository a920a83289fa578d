// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TextWindowTest {
    private static List<Integer> starts(int length, int most) throws IOException {
        int[] text = IntStream.range(0, length).toArray();
        return TextWindow.cut("text", text, 8, 2, most).stream()
                .map(window -> window.tokens()[0])
                .toList();
    }

    @Test
    void windowsAreSpreadAndDoNotOverlap() throws IOException {
        assertThat(starts(50, 3)).containsExactly(0, 20, 40);
        assertThat(starts(35, 9)).containsExactly(0, 12, 25);
        assertThat(starts(19, 9)).containsExactly(0);
    }

    @Test
    void aShortTextIsNamed() {
        assertThatThrownBy(() -> starts(9, 1))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("text=text")
                .hasMessageContaining("tokens=9");
    }
}
