// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelSettingsTest {
    private static final OutputColumns TEXT = new OutputColumns(List.of(OutputColumn.TEXT));

    @ParameterizedTest
    @ValueSource(strings = {"/models/m.gguf", "file:///models/m.gguf"})
    void aModelIsAPathOrTheUriOfAFile(String model) {
        ModelSettings settings = ModelSettings.of(Map.of("model", model), TEXT);
        assertThat(settings.engine().model()).isEqualTo(Path.of("/models/m.gguf"));
    }

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
