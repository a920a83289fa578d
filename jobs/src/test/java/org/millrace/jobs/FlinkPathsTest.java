// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FlinkPathsTest {
    @TempDir private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"plain", "with blank", "é", "a%20b", "#1?x=y", "[b]{c}+&"})
    void flinkWritesWhereTheUserSaid(String name) throws Exception {
        Path file = directory.resolve(name).resolve("file");
        String path = FlinkPaths.of(file);
        org.apache.flink.core.fs.Path flinks = new org.apache.flink.core.fs.Path(path);
        try (FSDataOutputStream out = flinks.getFileSystem().create(flinks, WriteMode.OVERWRITE)) {
            out.write(1);
        }
        assertThat(file).exists();
        assertThat(FlinkPaths.local(path)).isEqualTo(file);
        assertThat(FlinkPaths.of(file.toString())).isEqualTo(path);
    }

    @Test
    void argumentsNameDirectoriesWithAndWithoutAScheme() {
        assertThat(checkpoints("--checkpoint-dir", "/some/dir")).isEqualTo("file:/some/dir");
        assertThat(checkpoints("--checkpoint-dir", "here"))
                .isEqualTo(FlinkPaths.of(Path.of("here")));
        assertThat(checkpoints("--checkpoint-dir", "s3://b/a b")).isEqualTo("s3://b/a b");
        assertThat(checkpoints("-Dexecution.checkpointing.dir=/a b")).isEqualTo("file:/a b");
        Configuration config =
                parse("--from-savepoint", "sp", "-Dexecution.checkpointing.savepoint-dir=all");
        assertThat(config.get(StateRecoveryOptions.SAVEPOINT_PATH))
                .isEqualTo(FlinkPaths.of(Path.of("sp")));
        assertThat(config.get(CheckpointingOptions.SAVEPOINT_DIRECTORY))
                .isEqualTo(FlinkPaths.of(Path.of("all")));
        assertThat(parse().toMap()).isEmpty();
    }

    private static Configuration parse(String... args) {
        return JobArguments.parse(args).orElseThrow();
    }

    private static String checkpoints(String... args) {
        return parse(args).get(CheckpointingOptions.CHECKPOINTS_DIRECTORY);
    }

    @Test
    void separatorsInANameAreRefused() throws Exception {
        assertThatCode(() -> FlinkPaths.checkDirectory(directory.resolve("a b;é|%")))
                .doesNotThrowAnyException();
        for (String name : new String[] {"a,b", "a:b", "a\\b"}) {
            Path named = Files.createDirectory(directory.resolve(name));
            assertThatThrownBy(() -> FlinkPaths.checkDirectory(named))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("directory=" + named)
                    .hasMessageContaining("'" + name.charAt(1) + "'");
        }
    }
}
