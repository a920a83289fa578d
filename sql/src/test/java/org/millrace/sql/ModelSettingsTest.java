// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ModelSettingsTest {
    private static final OutputColumns TEXT = new OutputColumns(List.of(OutputColumn.TEXT));

    @Test
    void quotedStopStringsKeepTheirLineBreaks() {
        ModelSettings settings =
                ModelSettings.of(Map.of("model", "m", "stop", "END; \"\n\n\""), TEXT);
        assertThat(settings.params().stopStrings()).containsExactly("END", "\n\n");
    }

    @Test
    void modelsThatDifferInWhatARowAsksForShareAnEngine() {
        ModelSettings one = ModelSettings.of(Map.of("model", "m", "max-tokens", "5"), TEXT);
        ModelSettings other = ModelSettings.of(Map.of("model", "m", "temperature", "1"), TEXT);
        assertThat(one.engine()).isEqualTo(other.engine());
    }
}
