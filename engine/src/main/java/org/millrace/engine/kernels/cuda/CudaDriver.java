// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** The driver library: loaded once per process, its errors as exceptions. */
final class CudaDriver {
    /**
     * Path of the driver library where the system's search path does not have it, or of a stand-in
     * for tests.
     */
    private static final String LIBRARY_PROPERTY = "millrace.cuda.driver";

    /** The driver's own device file, and that of the Windows subsystem. */
    private static final List<Path> DEVICE_FILES =
            List.of(Path.of("/dev/nvidiactl"), Path.of("/dev/dxg"));

    /** Loads the driver at its first use, once. */
    private static final class Holder {
        /** Why the driver is not there; null if it is. */
        private static final String FAILURE = load(System.getProperty(LIBRARY_PROPERTY));
    }

    private CudaDriver() {}

    /**
     * Whether the system has an NVIDIA GPU. A question to the driver would first unpack JCuda's
     * libraries, on every machine.
     */
    static boolean isDetected() {
        return DEVICE_FILES.stream().anyMatch(Files::exists);
    }

    /** Null if the driver is loaded and has a device, otherwise why not. */
    static String failure() {
        if (System.getProperty(LIBRARY_PROPERTY) == null && !isDetected()) {
            return "this machine has no NVIDIA GPU (none of " + DEVICE_FILES + ")";
        }
        return Holder.FAILURE;
    }

    private static String load(String library) {
        try {
            int result = JCudaLibraries.load(library, () -> JCudaDriver.cuInit(0));
            if (result != CUresult.CUDA_SUCCESS) {
                return "the CUDA driver does not start: " + describe(result);
            }
            return deviceCount() == 0 ? "the CUDA driver sees no device" : null;
        } catch (UnsatisfiedLinkError e) {
            return "no CUDA driver (libcuda.so.1) on this machine: "
                    + e.getMessage().lines().findFirst().orElse("");
        } catch (NoClassDefFoundError e) {
            return "JCuda is not on the class path: put org.jcuda:jcuda and"
                    + " org.jcuda:jcuda-natives:linux-x86_64 into Flink's lib";
        }
    }

    static int deviceCount() {
        int[] count = new int[1];
        check(JCudaDriver.cuDeviceGetCount(count), "count devices");
        return count[0];
    }

    static int attribute(int attribute, CUdevice device) {
        int[] value = new int[1];
        check(
                JCudaDriver.cuDeviceGetAttribute(value, attribute, device),
                CUdevice_attribute.stringFor(attribute));
        return value[0];
    }

    /**
     * Throws if a call failed.
     *
     * @param what the call, with its sizes
     */
    static void check(int result, String what) {
        if (result != CUresult.CUDA_SUCCESS) {
            throw new IllegalStateException("CUDA: cannot " + what + ": " + describe(result));
        }
    }

    private static String describe(int result) {
        String[] text = new String[1];
        JCudaDriver.cuGetErrorString(result, text);
        return CUresult.stringFor(result) + ", " + text[0];
    }
}
