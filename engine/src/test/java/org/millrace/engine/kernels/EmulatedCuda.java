// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.file.Path;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;
import org.millrace.engine.kernels.cuda.CudaKernels;

/** The CUDA provider over the stand-in driver of {@code src/test/cuda-host}. */
public final class EmulatedCuda {
    private static final Path DRIVER = Path.of("target", "cuda-host", "libcuda.so.1");

    /**
     * What the device counts from the start of the process.
     *
     * @param launches of kernels and graphs
     * @param kernels that ran, alone or in graphs
     * @param graphs launched
     * @param bytesRead of device memory, by kernels
     * @param bytesWritten of device memory, by kernels
     * @param bytesToDevice copied from the host
     */
    public record Counters(
            long launches,
            long kernels,
            long graphs,
            long bytesRead,
            long bytesWritten,
            long bytesToDevice) {
        public Counters since(Counters before) {
            return new Counters(
                    launches - before.launches,
                    kernels - before.kernels,
                    graphs - before.graphs,
                    bytesRead - before.bytesRead,
                    bytesWritten - before.bytesWritten,
                    bytesToDevice - before.bytesToDevice);
        }
    }

    private EmulatedCuda() {}

    /** Puts the stand-in driver in the place of a real one; before the first use of CUDA. */
    public static void install() {
        assumeThat(DRIVER).as("emulated CUDA device, built by g++ on Linux x86_64").exists();
        System.setProperty("millrace.cuda.driver", DRIVER.toString());
    }

    /** Closed by the caller. */
    public static CudaKernels open() {
        install();
        return CudaKernels.create(0);
    }

    /** Of the whole device; a context must be current on this thread. */
    public static Counters counters() {
        long[] values = read("emulation", 6);
        return new Counters(values[0], values[1], values[2], values[3], values[4], values[5]);
    }

    /** Bytes of an allocation that kernels read. */
    public static long bytesRead(long address) {
        return read("emulation:" + Long.toHexString(address), 1)[0];
    }

    /** Takes the device's memory, as other processes might, but for so much; 0 gives it back. */
    public static void leaveFree(long bytes) {
        set("emulation=" + Long.toHexString(bytes));
    }

    /** How many devices there seem to be; 1 at first. */
    public static void setDevices(int count) {
        set("emulation#" + count);
    }

    private static void set(String name) {
        int found =
                JCudaDriver.cuModuleGetGlobal(new CUdeviceptr(), new long[1], new CUmodule(), name);
        assertThat(found).isZero();
    }

    private static long[] read(String name, int count) {
        CUdeviceptr counters = new CUdeviceptr();
        int found = JCudaDriver.cuModuleGetGlobal(counters, new long[1], new CUmodule(), name);
        assertThat(found).isZero();
        long[] values = new long[count];
        JCudaDriver.cuMemcpyDtoH(Pointer.to(values), counters, (long) Long.BYTES * count);
        return values;
    }
}
