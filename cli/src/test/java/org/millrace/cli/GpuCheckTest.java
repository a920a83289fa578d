// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code gpu-check} over the emulated device that the engine's build leaves behind. */
class GpuCheckTest {
    private static final String DRIVER_PROPERTY = "millrace.cuda.driver";

    @BeforeEach
    void installEmulatedDevice() {
        Path driver = Path.of("..", "engine", "target", "cuda-host", "libcuda.so.1");
        assumeThat(driver).as("emulated CUDA device, built by g++ on Linux x86_64").exists();
        System.setProperty(DRIVER_PROPERTY, driver.toString());
    }

    @AfterEach
    void removeEmulatedDevice() {
        System.clearProperty(DRIVER_PROPERTY);
    }

    @Test
    void everyKernelAndTheGenerationAreEqual() throws Exception {
        String model =
                Path.of(GpuCheckTest.class.getResource("/golden/tiny/k256/q4_1.gguf").toURI())
                        .toString();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int exitCode;
        try (PrintStream results = new PrintStream(out, true, StandardCharsets.UTF_8)) {
            String[] arguments = {
                "gpu-check", "--emulated", "--model", model, "--max-tokens", "6", "--json"
            };
            exitCode = Millrace.execute(results, arguments);
        }
        JsonNode document = new ObjectMapper().readTree(out.toByteArray());
        assertThat(exitCode).as(document.toPrettyString()).isZero();
        assertThat(document.get("device").asText()).isEqualTo("cuda (host emulation, sm_80)");
        assertThat(document.get("kernels").findValuesAsText("name"))
                .contains("matmul", "floatMatmul", "embed", "quantize", "rmsNorm", "swiGlu", "add")
                .contains(
                        "argmax",
                        "gatherRows",
                        "attention",
                        "attentionShares",
                        "moveSlots",
                        "packSlots")
                .contains("sample", "updateTables");
        for (JsonNode kernel : document.get("kernels")) {
            assertThat(kernel.get("equal").asBoolean()).as(kernel.toString()).isTrue();
        }
        assertThat(document.get("generation").get("equal").asBoolean()).isTrue();
        assertThat(document.get("generation").get("tokens")).hasSize(6);
    }
}
