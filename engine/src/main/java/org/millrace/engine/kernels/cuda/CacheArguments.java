// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;

/** Writes the structures Page and Cache of {@code cache.cuh}. */
final class CacheArguments {
    private CacheArguments() {}

    /** One layer of a step. */
    static void append(Arguments arguments, CacheView view, int layer, int numHeads) {
        long heads = 16L * view.numSequences() * view.numKvHeads();
        arguments
                .buffer(view.pool(), 0)
                .buffer(view.rows(), 8L * view.numRows())
                .buffer(view.sequences(), 8L * view.numSequences());
        arguments.address(CudaBuffer.address(view.heads(), (layer + 1) * heads) + layer * heads);
        arguments
                .buffer(view.entries(), 0)
                .buffer(view.faults(), 4L * view.numRows())
                .buffer(view.scores(), 0);
        append(arguments, view.page());
        arguments
                .integer(view.numRows())
                .integer(view.numSequences())
                .integer(view.numKvHeads())
                .integer(numHeads);
    }

    static void append(Arguments arguments, KvPageDescriptor page) {
        boolean scaled = page.hasScales();
        arguments
                .integer(page.type().ordinal())
                .integer(page.headDim())
                .integer(page.keyDim())
                .integer(page.positionOffset(0))
                .integer(scaled ? page.keyScaleOffset(0) : 0)
                .integer(scaled ? page.valueScaleOffset(0) : 0)
                .integer(page.keyOffset(0, 0))
                .integer(page.valueOffset(0, 0))
                .integer(page.pageBytes())
                .integer(0);
    }
}
