// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code millrace-sql.jar} in a process that has Flink on its class path and nothing else. */
class JarITCase {
    private static final Path JAR = Path.of("target/millrace-sql.jar").toAbsolutePath();

    /** The modules, and all that they depend on besides Flink. */
    private static final String NOT_OF_FLINK =
            ".*(/millrace-[^/]*\\.jar|/target/classes|/flink-avro/|/org/apache/avro/|/ai/djl/|/com/fasterxml/|/com/google/|/com/hubspot/|/org/jcuda/).*";

    @TempDir private Path directory;

    @Test
    void theJarIsAddedByAStatement() throws Exception {
        Map<String, Object> prompt = new HashMap<>();
        prompt.put("id", 1);
        prompt.put("question", "What is new?");
        prompt.put("instruction", null);
        prompt.put("session", "s");
        prompt.put("request", "1");
        prompt.put("prompt", "What is new?");
        prompt.put("event_time", "2026-01-01T00:00:00Z");
        Path prompts = directory.resolve("prompts");
        JsonRows.write(prompts, List.of(prompt));
        Path answers = directory.resolve("answers");
        Path sessions = directory.resolve("sessions");
        String classPath =
                Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                        .filter(entry -> !entry.matches(NOT_OF_FLINK))
                        .collect(Collectors.joining(File.pathSeparator));
        ChildProcess.run(
                directory.resolve("log"),
                Duration.ofMinutes(2),
                List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        classPath,
                        AddJar.class.getName(),
                        JAR.toString(),
                        TinyModel.path().toString(),
                        prompts.toString(),
                        answers.toString(),
                        sessions.toString()));
        for (Path output : List.of(answers, sessions)) {
            List<JsonNode> rows = JsonRows.read(output);
            assertThat(rows).hasSize(1);
            assertThat(rows.get(0).get("finish_reason").isNull()).isFalse();
        }
    }

    /** JCuda belongs into Flink's lib. */
    @Test
    void theJarHoldsTheEngineAndNothingOfFlink() throws Exception {
        try (JarFile jar = new JarFile(JAR.toFile())) {
            List<String> entries = jar.stream().map(ZipEntry::getName).toList();
            assertThat(entries)
                    .contains(
                            "META-INF/services/org.apache.flink.table.factories.Factory",
                            "org/millrace/sql/MillraceModelProviderFactory.class",
                            "org/millrace/engine/Model.class",
                            "native/linux-x86_64/libmillrace.so")
                    .noneMatch(
                            name ->
                                    name.matches(
                                            "(org/apache/flink|org/slf4j|org/apache/logging|com/fasterxml|com/google|jcuda)/.*"));
        }
    }
}
