// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelLocatorTest {
    @TempDir private Path directory;

    @Test
    void theHomeIsTheUsersOrWhatIsSet() throws Exception {
        Path set = directory.resolve("a é");
        assertThat(ModelLocator.home(set.toString(), "?")).isEqualTo(set).isDirectory();
        for (String unset : new String[] {null, ""}) {
            assertThat(ModelLocator.home(unset, directory.toString()))
                    .isEqualTo(directory.resolve(".cache/millrace"));
        }
    }

    @Test
    void aUserWithoutAHomeIsToldWhatToSet() throws Exception {
        assertThatThrownBy(() -> ModelLocator.home(null, "?"))
                .hasMessageContaining("no home directory; set MILLRACE_HOME");
        Path file = Files.createFile(directory.resolve("file"));
        assertThatThrownBy(() -> ModelLocator.home(null, file.toString()))
                .hasMessageContaining("directory=" + file)
                .hasMessageContaining("set MILLRACE_HOME");
    }

    @Test
    void aUriIsReadAsFlinkReadsIt() throws Exception {
        Path model = Files.createFile(directory.resolve("a %20 é.gguf"));
        assertThat(ModelLocator.locate("file://" + model)).isEqualTo(model);
        assertThat(ModelLocator.locate(model.toString())).isEqualTo(model);
    }
}
