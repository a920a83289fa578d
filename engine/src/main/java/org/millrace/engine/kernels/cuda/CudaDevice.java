// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import static org.millrace.engine.kernels.cuda.CudaDriver.check;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;
import org.millrace.engine.kernels.DeviceLimits;
import org.millrace.engine.kernels.DeviceUsage;
import org.millrace.engine.kernels.Resources;

/**
 * One device with the kernels loaded: its context, one stream that all work goes through in order,
 * and staging memory. Owned by {@link CudaKernels}; all methods are synchronized, from any thread.
 */
final class CudaDevice implements AutoCloseable {
    private record Launch(String kernel, int gridX, int gridY, int gridZ, int threads) {
        @Override
        public String toString() {
            return "kernel %s: grid=%dx%dx%d, threads=%d"
                    .formatted(kernel, gridX, gridY, gridZ, threads);
        }
    }

    private final CUdevice device = new CUdevice();
    private final CUcontext context = new CUcontext();
    private final CUmodule module = new CUmodule();
    private final CUstream stream = new CUstream();
    private final Map<String, CUfunction> functions = new HashMap<>();
    private final String name;
    private final Resources owned = new Resources();
    private final DeviceClock clock;
    private final Staging staging;
    private boolean capturing;

    /** For messages. */
    private Object lastLaunch = "nothing";

    private boolean closed;

    CudaDevice(int ordinal) {
        int count = CudaDriver.deviceCount();
        if (ordinal >= count) {
            throw new UnsupportedOperationException(
                    "no such CUDA device: device=" + ordinal + ", devices=" + count);
        }
        check(JCudaDriver.cuDeviceGet(device, ordinal), "open device " + ordinal);
        name = readName();
        byte[] image = KernelImages.of(capability());
        check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "make a context on " + name);
        owned.add(() -> JCudaDriver.cuDevicePrimaryCtxRelease(device));
        try {
            enter();
            check(
                    JCudaDriver.cuModuleLoadData(module, image),
                    "load the kernels on " + this + ": bytes=" + image.length);
            owned.add(() -> JCudaDriver.cuModuleUnload(module));
            // The driver loads a kernel when it is found: that takes memory, which a step must not.
            KernelImages.kernels().forEach(kernel -> functions.put(kernel, function(kernel)));
            check(JCudaDriver.cuStreamCreate(stream, 0), "make a stream on " + name);
            owned.add(() -> JCudaDriver.cuStreamDestroy(stream));
            clock = owned.add(new DeviceClock(stream));
            staging = owned.add(new Staging(stream, this::synchronize));
        } catch (RuntimeException e) {
            owned.close();
            throw e;
        }
    }

    private String readName() {
        byte[] bytes = new byte[256];
        check(JCudaDriver.cuDeviceGetName(bytes, bytes.length, device), "name the device");
        return new String(bytes, StandardCharsets.UTF_8).trim();
    }

    /** Compute capability as in {@code sm_80}. */
    int capability() {
        return 10
                        * CudaDriver.attribute(
                                CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
                                device)
                + CudaDriver.attribute(
                        CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
    }

    /** A context belongs to a thread; makes it this thread's. */
    private void enter() {
        if (closed) {
            throw new IllegalStateException("CUDA device is closed: " + name);
        }
        check(JCudaDriver.cuCtxSetCurrent(context), "enter the context of " + name);
    }

    /** Zeroed memory. */
    synchronized DeviceAddress allocate(long bytes) {
        enter();
        DeviceAddress address = new DeviceAddress();
        int result = JCudaDriver.cuMemAlloc(address, Math.max(bytes, 1));
        if (result == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
            long[] free = new long[1];
            long[] total = new long[1];
            JCudaDriver.cuMemGetInfo(free, total);
            throw new OutOfMemoryError(
                    "no device memory for a buffer: bytes="
                            + bytes
                            + ", free="
                            + free[0]
                            + ", total="
                            + total[0]
                            + ", device="
                            + name);
        }
        check(result, "allocate " + bytes + " bytes");
        check(
                JCudaDriver.cuMemsetD8Async(address, (byte) 0, Math.max(bytes, 1), stream),
                "zero " + bytes + " bytes");
        return address;
    }

    /** From the driver's clocks (kHz), bus width (bits) and multiprocessors. */
    DeviceLimits limits() {
        double memoryHz =
                1e3
                        * CudaDriver.attribute(
                                CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, device);
        int busBits =
                CudaDriver.attribute(
                        CUdevice_attribute.CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, device);
        double hz =
                1e3
                        * CudaDriver.attribute(
                                CUdevice_attribute.CU_DEVICE_ATTRIBUTE_CLOCK_RATE, device);
        int multiprocessors =
                CudaDriver.attribute(
                        CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device);
        // int8 operations of a multiprocessor per clock, dense.
        int perClock =
                switch (capability()) {
                    case 80, 87 -> 4096;
                    case 86, 89 -> 2048;
                    default -> 8192;
                };
        return new DeviceLimits(2 * memoryHz * busBits / 8, hz * multiprocessors * perClock);
    }

    /** Asks the driver for memory. */
    synchronized DeviceUsage usage() {
        enter();
        long[] free = new long[1];
        long[] total = new long[1];
        check(JCudaDriver.cuMemGetInfo(free, total), "ask for free memory");
        return new DeviceUsage(free[0], total[0], clock.nanos());
    }

    /** What is queued from here on is work of this kind. */
    synchronized void workOn(DeviceUsage.Work kind) {
        clock.set(kind);
    }

    private void synchronize() {
        clock.stop();
        int result = JCudaDriver.cuStreamSynchronize(stream);
        if (result != CUresult.CUDA_SUCCESS) {
            check(
                    result,
                    "finish the work queued on "
                            + name
                            + ", the last of it "
                            + lastLaunch
                            + " (CUDA_LAUNCH_BLOCKING=1 names the kernel that fails)");
        }
        clock.settle();
    }

    synchronized void free(DeviceAddress address, long bytes) {
        if (!closed) {
            enter();
            check(JCudaDriver.cuMemFree(address), "free " + bytes + " bytes");
        }
    }

    /** Copies all remaining bytes; they are taken when this returns. */
    synchronized void write(DeviceAddress target, long offset, ByteBuffer source) {
        enter();
        staging.write(target, offset, source);
    }

    /** Fills all remaining bytes, after all work before. */
    synchronized void read(DeviceAddress source, long offset, ByteBuffer target) {
        enter();
        staging.read(source, offset, target);
    }

    /** Queues a kernel with a one-dimensional block. */
    synchronized void launch(
            String kernel, int gridX, int gridY, int gridZ, int threads, Arguments arguments) {
        enter();
        CUfunction function = functions.computeIfAbsent(kernel, this::function);
        if (!capturing) {
            clock.queue();
        }
        lastLaunch = new Launch(kernel, gridX, gridY, gridZ, threads);
        int result =
                JCudaDriver.cuLaunchKernel(
                        function,
                        gridX,
                        gridY,
                        gridZ,
                        threads,
                        1,
                        1,
                        0,
                        stream,
                        Pointer.to(arguments.pointer()),
                        null);
        if (result != CUresult.CUDA_SUCCESS) {
            check(result, "run " + lastLaunch);
        }
    }

    /**
     * What the operations queue, as a graph; nothing of it runs. They must not allocate or copy.
     *
     * @return null if there is no memory for it
     */
    synchronized CUgraphExec capture(Runnable operations) {
        enter();
        CUgraph graph = new CUgraph();
        check(
                JCudaDriver.cuStreamBeginCapture(
                        stream, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                "begin to capture a graph");
        capturing = true;
        try {
            operations.run();
        } catch (RuntimeException | Error e) {
            // Ends the capture in any case; its own error would hide the first one.
            if (JCudaDriver.cuStreamEndCapture(stream, graph) == CUresult.CUDA_SUCCESS) {
                JCudaDriver.cuGraphDestroy(graph);
            }
            throw e;
        } finally {
            capturing = false;
        }
        check(JCudaDriver.cuStreamEndCapture(stream, graph), "end the capture of a graph");
        CUgraphExec executable = new CUgraphExec();
        int result = JCudaDriver.cuGraphInstantiate(executable, graph, 0);
        JCudaDriver.cuGraphDestroy(graph);
        if (result == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
            return null;
        }
        check(result, "instantiate a graph that ends with " + lastLaunch);
        return executable;
    }

    /** Queues all that was captured; false if there is no memory for it. */
    synchronized boolean launch(CUgraphExec graph) {
        enter();
        clock.queue();
        int result = JCudaDriver.cuGraphLaunch(graph, stream);
        if (result == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
            return false;
        }
        lastLaunch = "a captured graph";
        check(result, "run a captured graph");
        return true;
    }

    synchronized void destroy(CUgraphExec graph) {
        enter();
        check(JCudaDriver.cuGraphExecDestroy(graph), "destroy a graph");
    }

    private CUfunction function(String kernel) {
        CUfunction function = new CUfunction();
        check(JCudaDriver.cuModuleGetFunction(function, module, kernel), "find kernel " + kernel);
        return function;
    }

    /** Frees everything, memory included, also where work that was queued has failed. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        try (owned) {
            enter();
            synchronize();
        } finally {
            closed = true;
        }
    }

    @Override
    public String toString() {
        return name + ", sm_" + capability();
    }
}
