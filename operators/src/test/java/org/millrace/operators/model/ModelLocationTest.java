// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelLocationTest {
    @TempDir private Path cache;

    private static Path model() throws Exception {
        return Path.of(ModelLocationTest.class.getResource("/golden/tiny/gqa3/q8_0.gguf").toURI());
    }

    @Test
    void localPathStaysAsItIs() throws Exception {
        Path model = model();
        assertThat(ModelLocation.resolve(model.toString(), cache)).isEqualTo(model);
        assertThat(cache).isEmptyDirectory();
    }

    @Test
    void localUriIsNotCopied() throws Exception {
        Path model = model();
        assertThat(ModelLocation.resolve(model.toUri().toString(), cache)).isEqualTo(model);
        assertThat(cache).isEmptyDirectory();
    }

    @Test
    void missingFileIsLeftToTheLoader() throws Exception {
        assertThat(ModelLocation.resolve("/no/such/model.gguf", cache))
                .isEqualTo(Path.of("/no/such/model.gguf"));
    }
}
