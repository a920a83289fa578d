// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Resources;
import org.millrace.engine.kernels.Rotation;
import org.millrace.engine.model.spec.RotarySpec;

/**
 * The rotary tables of a model, for as many positions as sequences have had, not for all that its
 * context might have: they grow by doubling. What was handed out stays until all are closed. Thread
 * safe.
 */
final class RotaryTables implements AutoCloseable {
    private static final int FIRST_POSITIONS = 4096;

    private final KernelProvider kernels;
    private final int mostPositions;
    private final Resources owned = new Resources();
    private final DeviceBuffer none;
    private final Map<RotarySpec, Rotation> tables = new HashMap<>();
    private int positions;

    /**
     * @param rotaries of all layers
     * @param mostPositions that a sequence may have
     */
    RotaryTables(Collection<RotarySpec> rotaries, KernelProvider kernels, int mostPositions) {
        this.kernels = kernels;
        this.mostPositions = mostPositions;
        none = owned.add(kernels.allocate(Float.BYTES));
        rotaries.forEach(rotary -> tables.put(rotary, new Rotation(none, none, 0)));
        try {
            grow(Math.min(FIRST_POSITIONS, mostPositions));
        } catch (OutOfMemoryError e) {
            close();
            throw e;
        }
    }

    /** Makes tables for {@code end} positions; returns for how many there are. */
    synchronized int reach(int end) {
        if (end > positions) {
            grow(Math.max(end, (int) Math.min(mostPositions, 2L * positions)));
        }
        return positions;
    }

    private void grow(int newPositions) {
        Map<RotarySpec, Rotation> grown = new HashMap<>();
        for (RotarySpec rotary : tables.keySet()) {
            grown.put(rotary, compute(rotary, newPositions));
        }
        tables.putAll(grown);
        positions = newPositions;
    }

    private Rotation compute(RotarySpec rotary, int newPositions) {
        if (rotary.dimensions() == 0) {
            return new Rotation(none, none, 0);
        }
        DeviceBuffer keys = upload(RotaryTable.keys(rotary, newPositions));
        DeviceBuffer queries =
                rotary.queryScale().equals(RotarySpec.QueryScale.NONE)
                        ? keys
                        : upload(RotaryTable.queries(rotary, newPositions));
        return new Rotation(queries, keys, rotary.dimensions());
    }

    private DeviceBuffer upload(float[] values) {
        ByteBuffer host =
                ByteBuffer.allocateDirect(Math.multiplyExact(Float.BYTES, values.length))
                        .order(ByteOrder.LITTLE_ENDIAN);
        host.asFloatBuffer().put(values);
        DeviceBuffer buffer = owned.add(kernels.allocate(host.capacity()));
        buffer.write(0, host);
        return buffer;
    }

    /** The tables of a layer, for the positions that were reached. */
    synchronized Rotation of(RotarySpec rotary) {
        return tables.get(rotary);
    }

    @Override
    public void close() {
        owned.close();
    }
}
