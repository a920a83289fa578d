package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** temporary */
public final class BlockDecoder {
    private BlockDecoder() {}

    public static void decode(Tensor t, int row, int block, WeightBlock out) {
        ByteBuffer b = t.data().duplicate().order(ByteOrder.LITTLE_ENDIAN);
        int bs = t.type().blockSize();
        int base = (int) (row * t.type().rowBytes(t.columns())) + block * 32 / bs * t.type().blockBytes();
        int sub = block % (bs / 32);
        out.halfScale0 = 1;
        out.halfScale1 = 1;
        out.hasMin = false;
        out.min = 0;
        switch (t.type()) {
            case Q4_0 -> {
                out.zero = 8;
                out.scale = Float16.toFloat(b.getShort(base));
                for (int i = 0; i < 16; i++) {
                    out.codes[i] = (byte) (b.get(base + 2 + i) & 15);
                    out.codes[i + 16] = (byte) (b.get(base + 2 + i) >>> 4 & 15);
                }
            }
            case Q4_1 -> {
                out.zero = 0;
                out.scale = Float16.toFloat(b.getShort(base));
                out.min = Float16.toFloat(b.getShort(base + 2));
                out.hasMin = true;
                for (int i = 0; i < 16; i++) {
                    out.codes[i] = (byte) (b.get(base + 4 + i) & 15);
                    out.codes[i + 16] = (byte) (b.get(base + 4 + i) >>> 4 & 15);
                }
            }
            case Q8_0 -> {
                out.zero = 128;
                out.scale = Float16.toFloat(b.getShort(base));
                for (int i = 0; i < 32; i++) {
                    out.codes[i] = (byte) (b.get(base + 2 + i) + 128);
                }
            }
            default -> throw new IllegalArgumentException(t.type() + " " + sub);
        }
    }

    public static void dequantizeRow(Tensor t, int row, float[] out) {
        ByteBuffer b = t.data().duplicate().order(ByteOrder.LITTLE_ENDIAN);
        int base = (int) (row * t.type().rowBytes(t.columns()));
        WeightBlock w = new WeightBlock();
        for (int k = 0; k < t.columns(); k++) {
            switch (t.type()) {
                case F32 -> out[k] = b.getFloat(base + 4 * k);
                case F16 -> out[k] = Float16.toFloat(b.getShort(base + 2 * k));
                case BF16 -> out[k] = Float.intBitsToFloat(b.getShort(base + 2 * k) << 16);
                default -> {
                    if (k % 32 == 0) {
                        decode(t, row, k / 32, w);
                    }
                    float v = w.scale * ((w.codes[k % 32] & 255) - w.zero);
                    out[k] = w.hasMin ? v + w.min : v;
                }
            }
        }
    }
}
