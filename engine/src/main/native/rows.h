// SPDX-License-Identifier: Apache-2.0
// Operations on rows of floats: norm, quantisation, activation, residual, argmax, rotary embedding, cache writes.
#pragma once

namespace millrace::MILLRACE_ISA {

constexpr int32_t kMagnitudeBits = 0x7FFFFFFF;
constexpr int32_t kExponentBits = 0x7F800000;
constexpr float kSmallest = 0x1p-100f;

// e^x, at most 0.91 ulp off; FloatMath.java.
static inline Floats exp(Floats x) {
    const Floats round = broadcast(12582912.f);
    x = min(max(x, broadcast(-87.f)), broadcast(88.f));
    const Floats n = sub(fma(x, broadcast(0x1.715476p0f), round), round);
    Floats r = fma(n, broadcast(-0x1.62e4p-1f), x);
    r = fma(n, broadcast(-0x1.7f7d1cp-20f), r);
    Floats p = broadcast((float)(1.0 / 5040));
    p = fma(p, r, broadcast((float)(1.0 / 720)));
    p = fma(p, r, broadcast((float)(1.0 / 120)));
    p = fma(p, r, broadcast((float)(1.0 / 24)));
    p = fma(p, r, broadcast((float)(1.0 / 6)));
    p = fma(p, r, broadcast(0.5f));
    p = fma(p, r, broadcast(1.f));
    p = fma(p, r, broadcast(1.f));
    return asFloats(add(asInts(p), shiftLeft<23>(roundToInts(n))));
}

static inline float expOne(float x) {
    float lanes[16];
    store(lanes, exp(broadcast(x)));
    return lanes[0];
}

static inline int32_t bitsOf(float x) {
    int32_t bits;
    __builtin_memcpy(&bits, &x, 4);
    return bits;
}

static inline float floatOf(int32_t bits) {
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
}

static inline int chunkEnd(int chunk, int rowsPerChunk, int rows) {
    const int end = (chunk + 1) * rowsPerChunk;
    return end < rows ? end : rows;
}

// Sum of squares in 64 chains, lane i % 64, then a tree.
static inline float sumOfSquares(const float* x, int width) {
    Floats acc[4] = {zeros(), zeros(), zeros(), zeros()};
    int i = 0;
    for (; i + 64 <= width; i += 64) {
        for (int j = 0; j < 4; j++) {
            const Floats v = load(x + i + 16 * j);
            acc[j] = fma(v, v, acc[j]);
        }
    }
    float lanes[64];
    for (int j = 0; j < 4; j++) store(lanes + 16 * j, acc[j]);
    for (; i < width; i++) lanes[i % 64] = __builtin_fmaf(x[i], x[i], lanes[i % 64]);
    for (int w = 32; w > 0; w /= 2) {
        for (int j = 0; j < w; j++) lanes[j] += lanes[j + w];
    }
    return lanes[0];
}

static void rmsNorm(const void* opaque, int chunk, void*) {
    const RowsArgs& args = *(const RowsArgs*)opaque;
    const int end = chunkEnd(chunk, args.rowsPerChunk, args.rows);
    for (int r = chunk * args.rowsPerChunk; r < end; r++) {
        const float* x = args.x + (size_t)r * args.width;
        float* out = args.out + (size_t)r * args.width;
        const float scale =
            1.f / __builtin_sqrtf(sumOfSquares(x, args.width) / (float)args.width + args.eps);
        int i = 0;
        for (; i + 16 <= args.width; i += 16) {
            store(out + i, mul(mul(load(x + i), broadcast(scale)), load(args.y + i)));
        }
        for (; i < args.width; i++) out[i] = (x[i] * scale) * args.y[i];
    }
}

// Largest magnitude as bits.
static inline int32_t largestMagnitude(const float* x, int length) {
    Ints m = zeroInts();
    int i = 0;
    for (; i + 16 <= length; i += 16) {
        m = max(m, bitAnd(asInts(load(x + i)), broadcastInt(kMagnitudeBits)));
    }
    int32_t bits = largest(m);
    for (; i < length; i++) {
        const int32_t b = bitsOf(x[i]) & kMagnitudeBits;
        bits = b > bits ? b : bits;
    }
    return bits;
}

// Codes of one block; returns its scale.
static inline float quantizeBlock(const float* x, int length, int8_t* codes) {
    const int32_t bits = largestMagnitude(x, length);
    const float magnitude = floatOf(bits);
    if (bits >= kExponentBits || magnitude < kSmallest) {
        __builtin_memset(codes, 0, (size_t)length);
        return magnitude < kSmallest ? 0.f : magnitude / 127.f;
    }
    const float inverse = 127.f / magnitude;
    int i = 0;
    for (; i + 16 <= length; i += 16) {
        storeBytes(codes + i, roundToInts(mul(load(x + i), broadcast(inverse))));
    }
    for (; i < length; i++) codes[i] = (int8_t)__builtin_rintf(x[i] * inverse);
    return magnitude / 127.f;
}

static inline int32_t sumBytes(const int8_t* x, int length) {
    int32_t sum = 0;
    for (int i = 0; i < length; i++) sum += x[i];
    return sum;
}

static void quantize(const void* opaque, int chunk, void*) {
    const RowsArgs& args = *(const RowsArgs*)opaque;
    const int end = chunkEnd(chunk, args.rowsPerChunk, args.rows);
    const size_t blocks = (size_t)args.width / kBlock;
    for (size_t b = chunk * args.rowsPerChunk * blocks; b < (size_t)end * blocks; b++) {
        int8_t* codes = args.codes + b * kBlock;
        args.scales[b] = quantizeBlock(args.x + b * kBlock, kBlock, codes);
        args.sums[b] = sumBytes(codes, kBlock);
    }
}

static inline Floats tanh(Floats x) {
    return sub(broadcast(1.f), div(broadcast(2.f), add(broadcast(1.f), exp(mul(broadcast(2.f), x)))));
}

static inline Floats silu(Floats x) {
    const Floats negated = asFloats(add(asInts(x), broadcastInt((int32_t)0x80000000u)));
    return div(x, add(broadcast(1.f), exp(negated)));
}

static inline Floats geluTanh(Floats x) {
    const Floats inner = fma(mul(mul(x, x), broadcast(0.044715f)), x, x);
    const Floats t = tanh(mul(broadcast(0x1.988454p-1f), inner));
    return mul(mul(broadcast(0.5f), x), add(broadcast(1.f), t));
}

template <Floats (*FUNCTION)(Floats)>
static void gatedProduct(const void* opaque, int chunk, void*) {
    const RowsArgs& args = *(const RowsArgs*)opaque;
    const int end = chunkEnd(chunk, args.rowsPerChunk, args.rows);
    int i = chunk * args.rowsPerChunk;
    for (; i + 16 <= end; i += 16) {
        store(args.out + i, mul(FUNCTION(load(args.x + i)), load(args.y + i)));
    }
    for (; i < end; i++) {
        float lanes[16];
        store(lanes, FUNCTION(broadcast(args.x[i])));
        args.out[i] = lanes[0] * args.y[i];
    }
}

static void addRows(const void* opaque, int chunk, void*) {
    const RowsArgs& args = *(const RowsArgs*)opaque;
    const int end = chunkEnd(chunk, args.rowsPerChunk, args.rows);
    int i = chunk * args.rowsPerChunk;
    for (; i + 16 <= end; i += 16) store(args.out + i, add(load(args.out + i), load(args.x + i)));
    for (; i < end; i++) args.out[i] += args.x[i];
}

static void addBias(const void* opaque, int chunk, void*) {
    const RowsArgs& args = *(const RowsArgs*)opaque;
    const int end = chunkEnd(chunk, args.rowsPerChunk, args.rows);
    for (int r = chunk * args.rowsPerChunk; r < end; r++) {
        float* out = args.out + (size_t)r * args.width;
        int i = 0;
        for (; i + 16 <= args.width; i += 16) store(out + i, add(load(out + i), load(args.y + i)));
        for (; i < args.width; i++) out[i] += args.y[i];
    }
}

static void scaleRows(const void* opaque, int chunk, void*) {
    const RowsArgs& args = *(const RowsArgs*)opaque;
    const int end = chunkEnd(chunk, args.rowsPerChunk, args.rows);
    int i = chunk * args.rowsPerChunk;
    for (; i + 16 <= end; i += 16) store(args.out + i, mul(load(args.out + i), broadcast(args.factor)));
    for (; i < end; i++) args.out[i] *= args.factor;
}

// cap * tanh(x / cap).
static inline Floats softCap(Floats x, float cap) { return mul(broadcast(cap), tanh(div(x, broadcast(cap)))); }

static void capRows(const void* opaque, int chunk, void*) {
    const RowsArgs& args = *(const RowsArgs*)opaque;
    const int end = chunkEnd(chunk, args.rowsPerChunk, args.rows);
    int i = chunk * args.rowsPerChunk;
    for (; i + 16 <= end; i += 16) store(args.out + i, softCap(load(args.out + i), args.factor));
    for (; i < end; i++) {
        float lanes[16];
        store(lanes, softCap(broadcast(args.out[i]), args.factor));
        args.out[i] = lanes[0];
    }
}

static void argmax(const void* opaque, int row, void*) {
    const RowsArgs& args = *(const RowsArgs*)opaque;
    const float* x = args.x + (size_t)row * args.width;
    if (largestMagnitude(x, args.width) >= kExponentBits) {
        args.indices[row] = -1;
        return;
    }
    Floats m = broadcast(x[0]);
    int i = 0;
    for (; i + 16 <= args.width; i += 16) m = max(m, load(x + i));
    float best = largest(m);
    for (; i < args.width; i++) best = x[i] > best ? x[i] : best;
    for (i = 0; i + 16 <= args.width; i += 16) {
        const Mask hits = equal(load(x + i), broadcast(best));
        if (hits != 0) {
            args.indices[row] = i + __builtin_ctz(hits);
            return;
        }
    }
    while (x[i] != best) i++;
    args.indices[row] = i;
}

}  // namespace millrace::MILLRACE_ISA
