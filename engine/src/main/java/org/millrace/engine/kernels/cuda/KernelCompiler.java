// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import jcuda.nvrtc.JNvrtc;
import jcuda.nvrtc.nvrtcProgram;
import jcuda.nvrtc.nvrtcResult;

/**
 * Compiles the kernels at start, by NVRTC (libnvrtc.so.12), for devices that no shipped machine
 * code is for. The sources are resources of the jar.
 */
final class KernelCompiler {
    /** Path of NVRTC where the system's search path does not have it. */
    static final String LIBRARY_PROPERTY = "millrace.cuda.nvrtc";

    private static final String MAIN = "kernels.cu";

    /** As in {@code compile.py}. */
    private static final List<String> FLAGS =
            List.of(
                    "--std=c++17",
                    "--fmad=false",
                    "--ftz=false",
                    "--prec-div=true",
                    "--prec-sqrt=true");

    /** Loads NVRTC at its first use, once. */
    private static final class Holder {
        /** Why it is not there; null if it is. */
        private static final String FAILURE = load(System.getProperty(LIBRARY_PROPERTY));
    }

    private KernelCompiler() {}

    /** Null if NVRTC can be used, otherwise why not. */
    static String failure() {
        String path = System.getProperty(LIBRARY_PROPERTY);
        if (path != null && !Files.exists(Path.of(path))) {
            return LIBRARY_PROPERTY + "=" + path + " does not exist";
        }
        return Holder.FAILURE;
    }

    private static String load(String library) {
        try {
            int[] version = new int[2];
            int result =
                    JCudaLibraries.load(
                            library, () -> JNvrtc.nvrtcVersion(version, new int[version.length]));
            return result == nvrtcResult.NVRTC_SUCCESS ? null : nvrtcResult.stringFor(result);
        } catch (UnsatisfiedLinkError e) {
            return "no NVRTC (libnvrtc.so.12) on this machine: "
                    + e.getMessage().lines().findFirst().orElse("");
        }
    }

    /**
     * Machine code for this compute capability, or PTX for the newest one before it that this NVRTC
     * knows.
     *
     * @param capability 87 for {@code sm_87}
     * @throws UnsupportedOperationException if it cannot be compiled, saying why
     */
    static byte[] compile(int capability) {
        String reason = failure();
        if (reason != null) {
            throw new UnsupportedOperationException(reason);
        }
        String target = target(capability, architectures());
        nvrtcProgram program = newProgram();
        try {
            List<String> flags = new ArrayList<>(FLAGS);
            flags.add("--gpu-architecture=" + target);
            int result =
                    JNvrtc.nvrtcCompileProgram(program, flags.size(), flags.toArray(String[]::new));
            if (result != nvrtcResult.NVRTC_SUCCESS) {
                String[] log = new String[1];
                JNvrtc.nvrtcGetProgramLog(program, log);
                check(result, "compile the kernels with " + flags + "\n" + log[0]);
            }
            return target.startsWith("sm_") ? machineCode(program) : ptx(program);
        } finally {
            JNvrtc.nvrtcDestroyProgram(program);
        }
    }

    /**
     * @param known architectures of the compiler, as capabilities
     */
    static String target(int capability, int[] known) {
        int newest = Arrays.stream(known).filter(k -> k <= capability).max().orElse(0);
        return (newest == capability ? "sm_" : "compute_") + newest;
    }

    private static int[] architectures() {
        int[] count = new int[1];
        check(JNvrtc.nvrtcGetNumSupportedArchs(count), "count its architectures");
        int[] architectures = new int[count[0]];
        check(JNvrtc.nvrtcGetSupportedArchs(architectures), "list its architectures");
        return architectures;
    }

    private static nvrtcProgram newProgram() {
        String[] names =
                source("sources.sha256")
                        .lines()
                        .map(line -> line.substring(line.lastIndexOf(' ') + 1))
                        .filter(name -> !name.equals(MAIN))
                        .toArray(String[]::new);
        String[] headers = Stream.of(names).map(KernelCompiler::source).toArray(String[]::new);
        nvrtcProgram program = new nvrtcProgram();
        check(
                JNvrtc.nvrtcCreateProgram(
                        program, source(MAIN), MAIN, names.length, headers, names),
                "make a program");
        return program;
    }

    private static String source(String name) {
        try (InputStream stream = KernelCompiler.class.getResourceAsStream("/cuda/" + name)) {
            if (stream == null) {
                throw new UnsupportedOperationException(
                        "the build left out the sources of the CUDA kernels: resource=" + name);
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] machineCode(nvrtcProgram program) {
        long[] size = new long[1];
        check(JNvrtc.nvrtcGetCUBINSize(program, size), "size the machine code");
        byte[] image = new byte[Math.toIntExact(size[0])];
        check(JNvrtc.nvrtcGetCUBIN(program, image), "give the machine code");
        return image;
    }

    /** Ends in a zero byte, as the driver wants it. */
    private static byte[] ptx(nvrtcProgram program) {
        String[] text = new String[1];
        check(JNvrtc.nvrtcGetPTX(program, text), "give the PTX");
        String stripped = text[0].replace("\0", "");
        return (stripped + "\0").getBytes(StandardCharsets.US_ASCII);
    }

    private static void check(int result, String what) {
        if (result != nvrtcResult.NVRTC_SUCCESS) {
            throw new UnsupportedOperationException(
                    "NVRTC cannot " + what + ": " + nvrtcResult.stringFor(result));
        }
    }
}
