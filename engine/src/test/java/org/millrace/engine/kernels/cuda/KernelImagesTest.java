// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The compiled kernels in the resources are those of the sources. */
class KernelImagesTest {
    private static final Path SOURCES = Path.of("src", "main", "cuda");
    private static final Path RESOURCES = Path.of("src", "main", "resources", "cuda");

    @Test
    void imagesWereCompiledFromTheseSources() throws IOException {
        try (Stream<Path> files = Files.list(SOURCES)) {
            List<String> hashes =
                    files.filter(file -> file.getFileName().toString().contains(".cu"))
                            .sorted()
                            .map(file -> sha256(file) + "  " + file.getFileName())
                            .toList();
            assertThat(Files.readAllLines(RESOURCES.resolve("sources.sha256")))
                    .as("run src/main/cuda/compile.sh after a change of a kernel")
                    .isEqualTo(hashes);
        }
    }

    private static String sha256(Path file) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            return HexFormat.of().formatHex(digest.digest(Files.readAllBytes(file)));
        } catch (IOException | NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {80, 86, 89, 90})
    void everyImageHasEveryKernel(int capability) throws IOException {
        String image = new String(KernelImages.of(capability), StandardCharsets.ISO_8859_1);
        assertThat(kernels()).hasSize(64).allSatisfy(name -> assertThat(image).contains(name));
    }

    @Test
    void compilingAtStartGivesWhatIsShipped() throws IOException {
        Path library = nvrtc();
        assumeThat(library).as("NVRTC, which src/main/cuda/compile.sh fetches").isNotNull();
        System.setProperty(KernelCompiler.LIBRARY_PROPERTY, library.toString());
        try {
            assertThat(KernelCompiler.failure()).isNull();
            assertThat(KernelCompiler.compile(80)).isEqualTo(KernelImages.of(80));
        } finally {
            System.clearProperty(KernelCompiler.LIBRARY_PROPERTY);
        }
    }

    @Test
    void devicesWithoutMachineCodeAreCompiledForAsNearAsCanBe() {
        int[] known = {75, 80, 86, 87, 89, 90};
        assertThat(KernelCompiler.target(87, known)).isEqualTo("sm_87");
        assertThat(KernelCompiler.target(120, known)).isEqualTo("compute_90");
    }

    private static Path nvrtc() throws IOException {
        String home = System.getenv("MILLRACE_HOME");
        Path tools =
                (home == null
                                ? Path.of(System.getProperty("user.home"), ".cache", "millrace")
                                : Path.of(home))
                        .resolve("cuda-tools");
        if (!Files.exists(tools)) {
            return null;
        }
        try (Stream<Path> files = Files.walk(tools)) {
            return files.filter(file -> file.endsWith("libnvrtc.so.12")).findFirst().orElse(null);
        }
    }

    @Test
    void withoutCompilerOtherDevicesGetPtx() {
        System.setProperty(KernelCompiler.LIBRARY_PROPERTY, "/nowhere/libnvrtc.so.12");
        try {
            assertThatThrownBy(() -> KernelCompiler.compile(87))
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessage("millrace.cuda.nvrtc=/nowhere/libnvrtc.so.12 does not exist");
            assertThat(KernelImages.of(87)).asString().contains(".version 8.5", ".target sm_80");
        } finally {
            System.clearProperty(KernelCompiler.LIBRARY_PROPERTY);
        }
    }

    private static Set<String> kernels() throws IOException {
        return table().map(line -> line[0]).collect(Collectors.toSet());
    }

    @Test
    void noKernelSpillsRegistersOrTakesMoreSharedMemoryThanEveryDeviceHas() throws IOException {
        assertThat(table().map(line -> line[1]).distinct())
                .containsExactlyInAnyOrder("sm_80", "sm_86", "sm_89", "sm_90");
        assertThat(table())
                .allSatisfy(
                        line -> {
                            assertThat(line[5]).as("spilled bytes of " + line[0]).isEqualTo("0");
                            assertThat(Integer.parseInt(line[3])).isLessThanOrEqualTo(48 << 10);
                        });
    }

    private static Stream<String[]> table() throws IOException {
        return Files.readAllLines(RESOURCES.resolve("kernels.csv")).stream()
                .skip(1)
                .map(line -> line.split(","));
    }

    @Test
    void olderDevicesAreRefusedByName() {
        assertThatThrownBy(() -> KernelImages.of(75))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("computeCapability=sm_75, oldest=sm_80");
    }
}
