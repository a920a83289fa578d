// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.millrace.engine.kernels.EmulatedCuda;

/** What the emulated device finds in kernels with mistakes, and the errors that come of them. */
class EmulationTest {
    private CudaDevice device;
    private CudaBuffer buffer;

    @BeforeEach
    void open() {
        EmulatedCuda.install();
        assertThat(CudaDriver.failure()).isNull();
        device = new CudaDevice(0);
        buffer = new CudaBuffer(device, 256);
    }

    @AfterEach
    void close() {
        if (device != null) {
            buffer.close();
            device.close();
        }
    }

    private void launch(String kernel, int threads, int index) {
        Arguments arguments = new Arguments().buffer(buffer, 256).integer(index);
        device.launch(kernel, 1, 1, 1, threads, arguments);
    }

    @Test
    void findsAccessesBehindAndBeforeABuffer() {
        launch("writeAt", 32, 63);
        for (int index : new int[] {64, -1}) {
            assertThatThrownBy(() -> launch("writeAt", 32, index))
                    .hasMessageContaining("cannot run kernel writeAt: grid=1x1x1, threads=32")
                    .hasMessageContaining("write of 4 bytes outside of all allocations");
        }
    }

    @Test
    void findsAccessesToFreedMemory() {
        long address = CudaBuffer.address(buffer, 0);
        buffer.close();
        Arguments arguments = new Arguments().address(address).integer(0);
        assertThatThrownBy(() -> device.launch("writeAt", 1, 1, 1, 32, arguments))
                .hasMessageContaining("outside of all allocations");
    }

    @Test
    void findsRacesInSharedMemory() {
        assertThatThrownBy(() -> launch("readWithoutBarrier", 64, 0))
                .hasMessageContaining("race in shared memory");
        launch("readAfterWarpBarrier", 32, 0);
    }

    @Test
    void findsWritesAfterReadsInSharedMemory() {
        assertThatThrownBy(() -> launch("writeAfterRead", 64, 0))
                .hasMessageContaining("race in shared memory: write")
                .hasMessageContaining("after a read by another thread without a barrier between");
    }

    @Test
    void findsMisalignedAccessesAndThreadsThatWaitForEver() {
        assertThatThrownBy(() -> launch("readMisaligned", 32, 2))
                .hasMessageContaining("misaligned read of 4 bytes");
        assertThatThrownBy(() -> launch("waitForOthers", 32, 0))
                .hasMessageContaining("threads of a block wait for each other for ever");
    }

    @Test
    void whatNobodyWroteIsPoison() {
        launch("readUnwritten", 32, 0);
        assertThat(read().getInt(0)).isEqualTo(0xFBFBFBFB);
        CUdeviceptr raw = new CUdeviceptr();
        JCudaDriver.cuMemAlloc(raw, 4);
        int[] value = new int[1];
        JCudaDriver.cuMemcpyDtoH(Pointer.to(value), raw, 4);
        JCudaDriver.cuMemFree(raw);
        assertThat(value[0]).isEqualTo(0xFBFBFBFB);
    }

    @Test
    void multipliesTilesAsTensorCoresDo() {
        try (CudaBuffer out = new CudaBuffer(device, 4 * 16 * 8)) {
            Arguments arguments = new Arguments().buffer(out, 4 * 16 * 8).integer(0);
            device.launch("productOfTile", 1, 1, 1, 32, arguments);
            ByteBuffer bytes = ByteBuffer.allocate(4 * 16 * 8).order(ByteOrder.LITTLE_ENDIAN);
            out.read(0, bytes);
            for (int row = 0; row < 16; row++) {
                for (int column = 0; column < 8; column++) {
                    int sum = 0;
                    for (int k = 0; k < 32; k++) {
                        sum += (row - k) * (k + 3 * column);
                    }
                    assertThat(bytes.getInt(4 * (row * 8 + column))).isEqualTo(sum);
                }
            }
        }
    }

    private ByteBuffer read() {
        ByteBuffer bytes = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
        buffer.read(0, bytes);
        return bytes;
    }

    @Test
    void shufflesWithinWarps() {
        launch("sumOfWarp", 64, 0);
        assertThat(read().getFloat(0)).isEqualTo(496f);
        assertThat(read().getFloat(4 * 63)).isEqualTo(1520f);
    }

    @Test
    void unknownKernelsAndUsedUpMemoryHaveNames() {
        assertThatThrownBy(() -> launch("nothing", 32, 0))
                .hasMessageContaining("cannot find kernel nothing: CUDA_ERROR_NOT_FOUND");
        assertThatThrownBy(() -> new CudaBuffer(device, 1L << 40))
                .isInstanceOf(OutOfMemoryError.class)
                .hasMessageContaining("bytes=1099511627776, free=");
        assertThatThrownBy(() -> new CudaDevice(1))
                .hasMessageContaining("no such CUDA device: device=1, devices=1");
    }

    @Test
    void eachOfSeveralDevicesCanBeOpened() {
        EmulatedCuda.setDevices(2);
        try (CudaKernels second = CudaKernels.create(1)) {
            assertThat(CudaKernels.devices()).isEqualTo(2);
            assertThat(second.name()).isEqualTo("cuda (host emulation 1, sm_80)");
        } finally {
            EmulatedCuda.setDevices(1);
        }
    }
}
