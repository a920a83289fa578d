package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.util.stream.IntStream;

/** Takes slots in their stored form ({@link KvPageDescriptor#slotBytes}) into pages. */
final class SlotReader {
    private final KvPageDescriptor page;

    /** Dimensions of an int8 key that lie side by side. */
    private static final int GROUP = 4;

    /** Where each dimension of a key lies behind the first. */
    private final int[] keyOffsets;

    /** Dimensions of an int8 key in whole groups. */
    private final int grouped;

    SlotReader(KvPageDescriptor page) {
        this.page = page;
        this.keyOffsets =
                IntStream.range(0, page.headDim())
                        .map(d -> page.keyOffset(0, d) - page.keyOffset(0, 0))
                        .toArray();
        this.grouped = page.headDim() / GROUP * GROUP;
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
