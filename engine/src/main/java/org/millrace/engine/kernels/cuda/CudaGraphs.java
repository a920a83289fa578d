// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntSupplier;
import jcuda.driver.CUgraphExec;

/**
 * Steps that were captured as graphs, so that one launch repeats a step with all its kernels. A
 * step runs by single launches when it comes for the first time, because that may allocate scratch
 * memory, and is captured when it comes again. Used under the lock of {@link CudaDevice}.
 */
final class CudaGraphs implements AutoCloseable {
    /** Sizes of batches, times how far positions go; the one not used for longest is dropped. */
    private static final int MAX_GRAPHS = 128;

    private final CudaDevice device;

    /** Null for a step that ran once. */
    private final Map<Object, CUgraphExec> graphs = new LinkedHashMap<>(16, 0.75f, true);

    private int generation;

    CudaGraphs(CudaDevice device) {
        this.device = device;
    }

    /**
     * @param currentGeneration of the scratch memory, whose addresses are part of a graph
     */
    void run(Object key, IntSupplier currentGeneration, Runnable operations) {
        if (generation != currentGeneration.getAsInt()) {
            close();
            generation = currentGeneration.getAsInt();
        }
        boolean isRepeated = graphs.containsKey(key);
        CUgraphExec graph = graphs.get(key);
        if (isRepeated && graph == null) {
            graph = device.capture(operations);
            graphs.put(key, graph);
        }
        if (graph != null && device.launch(graph)) {
            return;
        }
        operations.run();
        if (isRepeated) {
            // There is no memory for a graph: the others make room, and it is tried again.
            close();
        }
        graphs.put(key, null);
        if (graphs.size() > MAX_GRAPHS) {
            Object oldest = graphs.keySet().iterator().next();
            destroy(graphs.remove(oldest));
        }
    }

    private void destroy(CUgraphExec graph) {
        if (graph != null) {
            device.destroy(graph);
        }
    }

    @Override
    public void close() {
        graphs.values().forEach(this::destroy);
        graphs.clear();
    }
}
