// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

/**
 * Layout of one page: {@value #PAGE_SLOTS} slots of one KV head of one layer, in tiles of {@value
 * #TILE_SLOTS} slots. The same bytes for every kernel provider. Little-endian; every section starts
 * at a multiple of 64 bytes.
 *
 * <pre>
 *   positions   int32[32]                       original position of each slot
 *   K scales    float[32]                       int8 only
 *   V scales    float[32]                       int8 only
 *   K, float    T[2][headDim][16]               tile, dimension, slot: one dimension of 16 slots side by side
 *   K, int8     int8[2][headDim'/4][16][4]      tile, group of 4 dimensions, slot, dimension in group;
 *                                               headDim' = headDim rounded up to 4, padding zero
 *   V           T[32][headDim]                  slot, dimension
 * </pre>
 *
 * K has RoPE applied. T is float32, float16 or int8. Version: {@value #VERSION}.
 */
public final class KvPageDescriptor {
    public static final int VERSION = 1;
    public static final int PAGE_SLOTS = 32;
    public static final int TILE_SLOTS = 16;

    private static final int ALIGNMENT = 64;
    private static final int GROUP = 4;

    private final KvType type;
    private final int headDim;
    private final int positionsOffset;
    private final int keyScalesOffset;
    private final int valueScalesOffset;
    private final int keysOffset;
    private final int valuesOffset;
    private final int pageBytes;

    public KvPageDescriptor(KvType type, int headDim) {
        this.type = type;
        this.headDim = headDim;
        int scaleBytes = type == KvType.INT8 ? Float.BYTES * PAGE_SLOTS : 0;
        positionsOffset = 0;
        keyScalesOffset = align(positionsOffset + Integer.BYTES * PAGE_SLOTS);
        valueScalesOffset = align(keyScalesOffset + scaleBytes);
        keysOffset = align(valueScalesOffset + scaleBytes);
        valuesOffset = align(keysOffset + elementBytes() * keyDim() * PAGE_SLOTS);
        pageBytes = align(valuesOffset + elementBytes() * headDim * PAGE_SLOTS);
    }

    public KvType type() {
        return type;
    }

    public int headDim() {
        return headDim;
    }

    /** Bytes of one element of K or V. */
    public int elementBytes() {
        return switch (type) {
            case F32 -> 4;
            case F16 -> 2;
            case INT8 -> 1;
        };
    }

    /** Whether every slot has a scale for K and one for V. */
    public boolean hasScales() {
        return type == KvType.INT8;
    }

    /** Dimensions stored per key: {@code headDim}, for int8 rounded up to whole groups of 4. */
    public int keyDim() {
        return type == KvType.INT8 ? (headDim + GROUP - 1) / GROUP * GROUP : headDim;
    }

    public int pageBytes() {
        return pageBytes;
    }

    /**
     * Bytes of one slot by itself, as it is stored outside of a page: {@code int32 position, int8
     * only: float32 K scale, float32 V scale, T K[headDim], T V[headDim]}, little-endian.
     */
    public int slotBytes() {
        int scales = hasScales() ? 2 * Float.BYTES : 0;
        return Integer.BYTES + scales + 2 * headDim * elementBytes();
    }

    public int positionOffset(int slot) {
        return positionsOffset + Integer.BYTES * slot;
    }

    /** int8 only. */
    public int keyScaleOffset(int slot) {
        return keyScalesOffset + Float.BYTES * slot;
    }

    /** int8 only. */
    public int valueScaleOffset(int slot) {
        return valueScalesOffset + Float.BYTES * slot;
    }

    /** Where dimension {@code d} of the key in {@code slot} lies. */
    public int keyOffset(int slot, int d) {
        int tile = slot / TILE_SLOTS;
        int lane = slot % TILE_SLOTS;
        if (type == KvType.INT8) {
            int group = tile * (keyDim() / GROUP) + d / GROUP;
            return keysOffset + (group * TILE_SLOTS + lane) * GROUP + d % GROUP;
        }
        return keysOffset + ((tile * headDim + d) * TILE_SLOTS + lane) * elementBytes();
    }

    /** Where dimension {@code d} of the value in {@code slot} lies. */
    public int valueOffset(int slot, int d) {
        return valuesOffset + (slot * headDim + d) * elementBytes();
    }

    private static int align(int offset) {
        return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
}
