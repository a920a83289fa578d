// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelLocationTest {
    @TempDir private Path cache;

    @Test
    void localPathStaysAsItIs() throws Exception {
        Path model = TinyModel.path();
        assertThat(ModelLocation.resolve(model.toString(), cache)).isEqualTo(model);
        assertThat(cache).isEmptyDirectory();
    }

    @Test
    void localUriIsNotCopied() throws Exception {
        Path model = TinyModel.path();
        assertThat(ModelLocation.resolve(model.toUri().toString(), cache)).isEqualTo(model);
        assertThat(cache).isEmptyDirectory();
    }

    @Test
    void missingFileIsLeftToTheLoader() throws Exception {
        assertThat(ModelLocation.resolve("/no/such/model.gguf", cache))
                .isEqualTo(Path.of("/no/such/model.gguf"));
    }
}
