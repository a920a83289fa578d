// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class LlamaCppTest {
    @Test
    void readsTheLastRowAmongLogLines() throws IOException {
        List<String> output =
                List.of(
                        "llama_context: n_ctx = 6144",
                        "{\"pl\": 8, \"speed_pp\": 236.5, \"speed_tg\": 146.6}",
                        "");

        assertThat(LlamaCpp.number(output, "speed_tg")).isEqualTo(146.6);
    }

    @Test
    void refusesOutputWithoutTheNumber() {
        assertThatThrownBy(() -> LlamaCpp.number(List.of("killed"), "avg_ts"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("killed");
        assertThatThrownBy(() -> LlamaCpp.number(List.of("{\"avg_ts\": null}"), "avg_ts"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("avg_ts");
    }
}
