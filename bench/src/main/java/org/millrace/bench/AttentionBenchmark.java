// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.KernelProviders;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.PagePool;
import org.millrace.engine.kvcache.SessionCache;
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

/**
 * Attention of one layer of the default model's shape: one session's newest rows over its cache of
 * zeros.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class AttentionBenchmark {
    private static final int NUM_HEADS = 9;
    private static final int NUM_KV_HEADS = 3;
    private static final int HEAD_DIM = 64;

    @Param({"cpu", "reference"})
    public String provider;

    @Param({"1", "2"})
    public int threads;

    @Param({"F16", "INT8"})
    public KvType kvType;

    /** Positions in the cache, those of the rows included. */
    @Param({"128", "1024", "4096"})
    public int positions;

    /** Rows (tokens) of the step: a decode step or a chunk of prefill. */
    @Param({"1", "64"})
    public int rows;

    private final List<DeviceBuffer> buffers = new ArrayList<>();
    private KernelProvider kernels;
    private PagePool pool;
    private CacheView view;
    private DeviceBuffer q;
    private DeviceBuffer out;
    private AttentionParams params;

    @Setup(Level.Trial)
    public void setUp() {
        kernels = KernelProviders.lookup(provider, threads);
        CacheLayout layout =
                new CacheLayout(new KvPageDescriptor(kvType, HEAD_DIM), 1, NUM_KV_HEADS, "");
        int pages = (int) layout.pagesFor(positions);
        pool = new PagePool(kernels, layout, pages);
        SessionCache cache = new SessionCache(pool);
        cache.reserve(positions, 0);
        cache.append(positions);
        view = view(cache);
        DeviceBuffer sinks = AttentionParams.noSinks(kernels, NUM_HEADS);
        buffers.add(sinks);
        params = AttentionParams.plain(NUM_HEADS, HEAD_DIM, sinks);
        q = allocate((long) Float.BYTES * rows * NUM_HEADS * HEAD_DIM);
        out = allocate((long) Float.BYTES * rows * NUM_HEADS * HEAD_DIM);
    }

    private CacheView view(SessionCache cache) {
        int first = positions - rows;
        int[] rowInts = new int[2 * rows];
        for (int row = 0; row < rows; row++) {
            rowInts[2 * row + 1] = first + row;
        }
        int pagesPerHead = cache.pages(0, 0);
        int[] headInts = new int[4 * NUM_KV_HEADS];
        IntBuffer entries = IntBuffer.allocate(2 * pagesPerHead * NUM_KV_HEADS);
        for (int kvHead = 0; kvHead < NUM_KV_HEADS; kvHead++) {
            headInts[4 * kvHead] = kvHead * pagesPerHead;
            headInts[4 * kvHead + 1] = pagesPerHead;
            headInts[4 * kvHead + 2] = first;
            cache.writeEntries(0, kvHead, entries);
        }
        return new CacheView(
                pool.layout().page(),
                pool.storage(),
                rows,
                1,
                NUM_KV_HEADS,
                first + rows,
                upload(rowInts),
                upload(0, rows),
                upload(headInts),
                upload(entries.array()),
                null,
                upload(new int[rows]),
                pool.scores(),
                false,
                null);
    }

    private DeviceBuffer allocate(long bytes) {
        DeviceBuffer buffer = kernels.allocate(bytes);
        buffers.add(buffer);
        return buffer;
    }

    private DeviceBuffer upload(int... values) {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(Integer.BYTES * values.length)
                        .order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(values);
        DeviceBuffer buffer = allocate(bytes.capacity());
        buffer.write(0, bytes);
        return buffer;
    }

    @Benchmark
    public void attention() {
        kernels.attention(view, 0, params, q, out);
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        buffers.forEach(DeviceBuffer::close);
        pool.close();
        kernels.close();
    }
}
