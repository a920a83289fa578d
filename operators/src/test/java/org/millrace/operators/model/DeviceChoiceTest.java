// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.TaskInfoImpl;
import org.apache.flink.api.common.externalresource.ExternalResourceInfo;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.KernelProviders;
import org.millrace.engine.kvcache.KvType;

/** Which card a subtask takes, on an emulated machine with two. */
class DeviceChoiceTest {
    private record Gpu(Map<String, String> properties) implements ExternalResourceInfo {
        @Override
        public Optional<String> getProperty(String key) {
            return Optional.ofNullable(properties.get(key));
        }

        @Override
        public Collection<String> getKeys() {
            return properties.keySet();
        }
    }

    @BeforeEach
    void emulateTwoDevices() {
        Path driver = Path.of("..", "engine", "target", "cuda-host", "libcuda.so.1");
        assumeThat(driver).as("emulated CUDA device, built by g++ on Linux x86_64").exists();
        System.setProperty("millrace.cuda.driver", driver.toString());
        assertThat(KernelProviders.gpus("cuda")).isPositive();
        setDevices(2);
    }

    @AfterEach
    void emulateOneDevice() {
        if (KernelProviders.gpus("cuda") > 0) {
            setDevices(1);
        }
    }

    private static void setDevices(int count) {
        String name = "emulation#" + count;
        JCudaDriver.cuModuleGetGlobal(new CUdeviceptr(), new long[1], new CUmodule(), name);
        assertThat(KernelProviders.gpus("cuda")).isEqualTo(count);
    }

    /** What a subtask of four is told by Flink. */
    private static RuntimeContext context(int subtask, Set<ExternalResourceInfo> gpus) {
        TaskInfo task = new TaskInfoImpl("generate", 128, subtask, 4, 0);
        return (RuntimeContext)
                Proxy.newProxyInstance(
                        RuntimeContext.class.getClassLoader(),
                        new Class<?>[] {RuntimeContext.class},
                        (proxy, method, arguments) ->
                                switch (method.getName()) {
                                    case "getTaskInfo" -> task;
                                    case "getExternalResourceInfos" ->
                                            arguments[0].equals("gpu") ? gpus : Set.of();
                                    default ->
                                            throw new UnsupportedOperationException(
                                                    method.getName());
                                });
    }

    private static Set<ExternalResourceInfo> gpus(String... indices) {
        return Stream.of(indices)
                .map(index -> new Gpu(Map.of("index", index)))
                .collect(Collectors.toSet());
    }

    private static String chosen(String device, int subtask, Set<ExternalResourceInfo> gpus) {
        ModelOptions options = new ModelOptions(KvType.F16, ActivationType.INT8, device, 3);
        ModelOptions chosen = DeviceChoice.of(options, context(subtask, gpus));
        assertThat(chosen)
                .isEqualTo(new ModelOptions(KvType.F16, ActivationType.INT8, chosen.provider(), 3));
        return chosen.provider();
    }

    @Test
    void subtasksTakeTheDevicesInTurn() {
        assertThat(Stream.of(0, 1, 2, 3).map(subtask -> chosen("cuda", subtask, Set.of())))
                .containsExactly("cuda:0", "cuda:1", "cuda:0", "cuda:1");
        try (KernelProvider second = KernelProviders.lookup("cuda:1", 1)) {
            assertThat(second.name()).isEqualTo("cuda (host emulation 1, sm_80)");
        }
    }

    @Test
    void flinksExternalResourceSaysWhichAreTheirs() {
        assertThat(Stream.of(0, 1, 2).map(subtask -> chosen("cuda", subtask, gpus("1"))))
                .containsOnly("cuda:1");
        // By number, not by text.
        assertThat(Stream.of(0, 1, 2).map(subtask -> chosen("cuda", subtask, gpus("10", "9"))))
                .containsExactly("cuda:9", "cuda:10", "cuda:9");
        assertThatThrownBy(() -> chosen("cuda", 0, Set.of(new Gpu(Map.of("uuid", "x")))))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("external resource gpu has no property index: properties=[uuid]");
    }

    @Test
    void anOptionThatNamesADeviceIsTaken() {
        assertThat(chosen("cuda:1", 0, gpus("0"))).isEqualTo("cuda:1");
        assertThat(chosen("cpu", 1, gpus("0"))).isEqualTo("cpu");
    }

    /** The emulated devices are no GPU of the system's. */
    @Test
    void autoGoesOnWithoutAGpu() {
        assumeThat(Path.of("/dev/nvidiactl")).doesNotExist();
        assertThat(chosen("auto", 1, Set.of())).isEqualTo("auto");
    }
}
