// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.Activations;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.KernelProviders;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.tensor.Tensor;
import org.millrace.engine.tensor.TensorType;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Products of int8 activations with a Q4_1 matrix of the default model's shapes. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class MatmulBenchmark {
    /** 0.001 in binary16: scale and minimum of every block. */
    private static final short MILLI = 0x1419;

    @Param({"cpu", "reference"})
    public String provider;

    @Param({"1", "2"})
    public int threads;

    /** Outputs x inputs. */
    @Param({"1536x576", "576x1536", "49152x576"})
    public String shape;

    /** Rows of activations: tokens. */
    @Param({"1", "8", "32"})
    public int rows;

    private KernelProvider kernels;
    private WeightMatrix[] weights;
    private Activations activations;
    private DeviceBuffer[] outs;

    @Setup(Level.Trial)
    public void setUp() {
        int outputs = Integer.parseInt(shape.substring(0, shape.indexOf('x')));
        int inputs = Integer.parseInt(shape.substring(shape.indexOf('x') + 1));
        kernels = KernelProviders.lookup(provider, threads);
        Random random = new Random(42);
        weights =
                new WeightMatrix[] {
                    kernels.pack(q4Matrix(outputs, inputs, random), ActivationType.INT8)
                };
        activations = Activations.allocate(kernels, rows, inputs);
        activations.values().write(0, gaussians(rows * inputs, random));
        kernels.quantize(activations, rows);
        outs = new DeviceBuffer[] {kernels.allocate((long) Float.BYTES * rows * outputs)};
    }

    private static Tensor q4Matrix(int outputs, int inputs, Random random) {
        int blocks = outputs * inputs / TensorType.Q4_1.blockSize();
        byte[] bytes = new byte[blocks * TensorType.Q4_1.blockBytes()];
        random.nextBytes(bytes);
        ByteBuffer data = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int block = 0; block < blocks; block++) {
            int offset = block * TensorType.Q4_1.blockBytes();
            data.putShort(offset, MILLI).putShort(offset + Short.BYTES, MILLI);
        }
        return new Tensor("weights", TensorType.Q4_1, outputs, inputs, data);
    }

    private static ByteBuffer gaussians(int count, Random random) {
        ByteBuffer values =
                ByteBuffer.allocateDirect(Float.BYTES * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            values.putFloat((float) random.nextGaussian());
        }
        return values.flip();
    }

    @Benchmark
    public void matmul() {
        kernels.matmul(activations, rows, weights, outs);
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        outs[0].close();
        activations.close();
        weights[0].close();
        kernels.close();
    }
}
