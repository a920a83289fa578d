package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.util.stream.IntStream;

/**
 * Stored form of one slot: {@code int32 position, int8 only: float32 K scale, float32 V scale, T
 * K[headDim], T V[headDim]}, little-endian.
 */
final class SlotCodec {
    private final KvPageDescriptor page;

    /** Dimensions of an int8 key that lie side by side. */
    private static final int GROUP = 4;

    /** Where each dimension of a key lies behind the first. */
    private final int[] keyOffsets;

    /** Dimensions of an int8 key in whole groups. */
    private final int grouped;

    SlotCodec(KvPageDescriptor page) {
        this.page = page;
        this.keyOffsets =
                IntStream.range(0, page.headDim())
                        .map(d -> page.keyOffset(0, d) - page.keyOffset(0, 0))
                        .toArray();
        this.grouped = page.headDim() / GROUP * GROUP;
    }

    int bytes() {
        int scales = page.hasScales() ? 2 * Float.BYTES : 0;
        return Integer.BYTES + scales + 2 * page.headDim() * page.elementBytes();
    }

    /** Appends a slot of the page {@code raw} to {@code out}; both are little-endian. */
    void write(ByteBuffer raw, int slot, ByteBuffer out) {
        out.putInt(raw.getInt(page.positionOffset(slot)));
        if (page.hasScales()) {
            out.putInt(raw.getInt(page.keyScaleOffset(slot)));
            out.putInt(raw.getInt(page.valueScaleOffset(slot)));
        }
        int key = page.keyOffset(slot, 0);
        switch (page.type()) {
            case F32 -> {
                for (int offset : keyOffsets) {
                    out.putInt(raw.getInt(key + offset));
                }
            }
            case F16 -> {
                for (int offset : keyOffsets) {
                    out.putShort(raw.getShort(key + offset));
                }
            }
            case INT8 -> {
                for (int d = 0; d < grouped; d += GROUP) {
                    out.putInt(raw.getInt(key + keyOffsets[d]));
                }
                for (int d = grouped; d < keyOffsets.length; d++) {
                    out.put(raw.get(key + keyOffsets[d]));
                }
            }
        }
        int valueBytes = page.headDim() * page.elementBytes();
        out.put(out.position(), raw, page.valueOffset(slot, 0), valueBytes);
        out.position(out.position() + valueBytes);
    }

    /** Takes a slot from {@code in} into the page {@code raw}; both are little-endian. */
    void read(ByteBuffer in, int slot, ByteBuffer raw) {
        raw.putInt(page.positionOffset(slot), in.getInt());
        if (page.hasScales()) {
            raw.putInt(page.keyScaleOffset(slot), in.getInt());
            raw.putInt(page.valueScaleOffset(slot), in.getInt());
        }
        int key = page.keyOffset(slot, 0);
        switch (page.type()) {
            case F32 -> {
                for (int offset : keyOffsets) {
                    raw.putInt(key + offset, in.getInt());
                }
            }
            case F16 -> {
                for (int offset : keyOffsets) {
                    raw.putShort(key + offset, in.getShort());
                }
            }
            case INT8 -> {
                for (int d = 0; d < grouped; d += GROUP) {
                    raw.putInt(key + keyOffsets[d], in.getInt());
                }
                for (int d = grouped; d < keyOffsets.length; d++) {
                    raw.put(key + keyOffsets[d], in.get());
                }
            }
        }
        int valueBytes = page.headDim() * page.elementBytes();
        raw.put(page.valueOffset(slot, 0), in, in.position(), valueBytes);
        in.position(in.position() + valueBytes);
    }
}
