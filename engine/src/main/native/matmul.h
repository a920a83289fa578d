// SPDX-License-Identifier: Apache-2.0
// Matrix products over tiles of 16 rows. Vectorised across the rows of a tile, never along K, so that every output is one
// serial chain per segment whatever the instruction set. Columns (rows of activations) are blocked in registers, so that the
// unpacking of a tile is shared.
#pragma once

namespace millrace::MILLRACE_ISA {

static inline Floats loadScales(const uint8_t* p, bool half) {
    return half ? loadHalf((const uint16_t*)p) : load((const float*)p);
}

// Byte offsets of the parts of a tile block; kernels.h.
template <int FLAGS>
struct BlockParts {
    static constexpr int codes = (FLAGS & kNibbles) ? 256 : 512;  // bytes of codes
    static constexpr bool half = (FLAGS & kHalfFloats) != 0;
    static constexpr int scales = codes + ((FLAGS & kHalves) ? 2 * kTileRows : 0);
    static constexpr int mins = scales + kTileRows * (half ? 2 : 4);
};

static inline int32_t fourCodes(const int8_t* p) {
    int32_t x;
    __builtin_memcpy(&x, p, 4);
    return x;
}

// Exact integer products of one tile block with N columns: sum of (code - zero) * x, halves weighted where there are any.
template <int FLAGS, int N>
static inline void blockProducts(
    const uint8_t* block, const int8_t* const* codes, const int32_t* const* sums, int b, Ints* v) {
    if constexpr ((FLAGS & kNibbles) != 0) {
        NibbleSums acc[N];
        for (int c = 0; c < N; c++) acc[c] = zeroNibbleSums();
        // Not unrolled: GCC would mix the chunks and run out of registers (a quarter of the speed on AVX2).
#pragma GCC unroll 1
        for (int j = 0; j < 4; j++) {
            Bytes packed = loadBytes(block + 64 * j);
            Bytes low = lowNibbles(packed);
            Bytes high = highNibbles(packed);
            for (int c = 0; c < N; c++) {
                dotNibbles(acc[c], low, fourCodes(codes[c] + kBlock * b + 4 * j));
                dotNibbles(acc[c], high, fourCodes(codes[c] + kBlock * b + 16 + 4 * j));
            }
        }
        for (int c = 0; c < N; c++) {
            v[c] = total(acc[c]);
            if constexpr ((FLAGS & kZero8) != 0) v[c] = sub(v[c], broadcastInt(8 * sums[c][b]));
        }
    } else {
        Ints half[2][N];
        for (int h = 0; h < 2; h++) {
            for (int c = 0; c < N; c++) half[h][c] = zeroInts();
#pragma GCC unroll 1
            for (int j = 4 * h; j < 4 * h + 4; j++) {
                SignedBytes weights = prepareSigned(loadBytes(block + 64 * j));
                for (int c = 0; c < N; c++) {
                    dotSigned(half[h][c], weights, fourCodes(codes[c] + kBlock * b + 4 * j));
                }
            }
        }
        for (int c = 0; c < N; c++) {
            if constexpr ((FLAGS & kHalves) != 0) {
                const int8_t* factors = (const int8_t*)block + 512;
                v[c] = add(mul(loadByteInts(factors), half[0][c]),
                           mul(loadByteInts(factors + 16), half[1][c]));
            } else {
                v[c] = add(half[0][c], half[1][c]);
            }
        }
    }
}

template <int FLAGS, int N>
static inline void blockTile(const MatmulArgs& args, const Matrix& m, const uint8_t* tile, int row, Floats* y) {
    using Parts = BlockParts<FLAGS>;
    const int blocks = m.columns / kBlock;
    const int8_t* codes[N];
    const float* scales[N];
    const int32_t* sums[N];
    for (int c = 0; c < N; c++) {
        codes[c] = args.codes + (size_t)(row + c) * m.columns;
        scales[c] = args.scales + (size_t)(row + c) * blocks;
        sums[c] = args.sums + (size_t)(row + c) * blocks;
    }
    for (int start = 0; start < blocks; start += kSegment / kBlock) {
        const int end = start + kSegment / kBlock < blocks ? start + kSegment / kBlock : blocks;
        Floats acc[N];
        for (int c = 0; c < N; c++) acc[c] = zeros();
        for (int b = start; b < end; b++) {
            const uint8_t* block = tile + (size_t)b * m.blockBytes;
            // The first columns fetch the next tile while they compute on this one.
            if (row == 0) {
                for (size_t at = 0; at < m.blockBytes; at += 64) __builtin_prefetch(block + m.tileBytes + at);
            }
            Ints v[N];
            blockProducts<FLAGS, N>(block, codes, sums, b, v);
            const Floats scale = loadScales(block + Parts::scales, Parts::half);
            for (int c = 0; c < N; c++) {
                acc[c] = fma(mul(scale, broadcast(scales[c][b])), toFloats(v[c]), acc[c]);
            }
            if constexpr ((FLAGS & kMins) != 0) {
                const Floats min = loadScales(block + Parts::mins, Parts::half);
                for (int c = 0; c < N; c++) {
                    acc[c] = fma(min, broadcast(scales[c][b] * (float)sums[c][b]), acc[c]);
                }
            }
        }
        for (int c = 0; c < N; c++) y[c] = start == 0 ? acc[c] : add(y[c], acc[c]);
    }
}

// Products of a dequantised tile, float[columns][16], with float activations.
template <int N>
static inline void floatTile(const MatmulArgs& args, const float* tile, int row, Floats* y) {
    const int columns = args.columns;
    const float* x = args.values + (size_t)row * columns;
    for (int start = 0; start < columns; start += kSegment) {
        const int end = start + kSegment < columns ? start + kSegment : columns;
        Floats acc[N];
        for (int c = 0; c < N; c++) acc[c] = zeros();
        for (int k = start; k < end; k++) {
            const Floats w = load(tile + (size_t)k * kTileRows);
            for (int c = 0; c < N; c++) acc[c] = fma(w, broadcast(x[(size_t)c * columns + k]), acc[c]);
        }
        for (int c = 0; c < N; c++) y[c] = start == 0 ? acc[c] : add(y[c], acc[c]);
    }
}

// Codes of weight 4 * group + J of a block's 16 rows, less their zero.
template <int FLAGS, int J>
static inline Ints blockCodes(const uint8_t* block, int group) {
    if constexpr ((FLAGS & kNibbles) != 0) {
        const Ints packed = loadInts((const int32_t*)(block + 64 * (group % 4)));
        const Ints shifted = group < 4 ? shiftRight<8 * J>(packed) : shiftRight<8 * J + 4>(packed);
        const Ints codes = bitAnd(shifted, broadcastInt(15));
        return (FLAGS & kZero8) ? sub(codes, broadcastInt(8)) : codes;
    }
    const Ints bytes = loadInts((const int32_t*)(block + 64 * group));
    return shiftRight<24>(shiftLeft<24 - 8 * J>(bytes));
}

template <int FLAGS, int J>
static inline void dequantizeWeight(const uint8_t* block, int group, Floats scale, Floats min, float* out) {
    Floats w = mul(toFloats(blockCodes<FLAGS, J>(block, group)), scale);
    if constexpr ((FLAGS & kMins) != 0) w = add(w, min);
    store(out + (4 * group + J) * kTileRows, w);
}

// Weights of a tile as float[columns][16]: scale * halfScale * (code - zero), exact, + min with one rounding.
template <int FLAGS>
static void dequantizeBlocks(const Matrix& m, const uint8_t* tile, float* out) {
    using Parts = BlockParts<FLAGS>;
    for (int b = 0; b < m.columns / kBlock; b++) {
        const uint8_t* block = tile + (size_t)b * m.blockBytes;
        const Floats scale = loadScales(block + Parts::scales, Parts::half);
        const Floats min = (FLAGS & kMins) ? loadScales(block + Parts::mins, Parts::half) : zeros();
        for (int group = 0; group < kBlock / 4; group++) {
            Floats factor = scale;
            if constexpr ((FLAGS & kHalves) != 0) {
                const int8_t* halves = (const int8_t*)block + Parts::codes;
                factor = mul(scale, toFloats(loadByteInts(halves + kTileRows * (group / 4))));
            }
            dequantizeWeight<FLAGS, 0>(block, group, factor, min, out);
            dequantizeWeight<FLAGS, 1>(block, group, factor, min, out);
            dequantizeWeight<FLAGS, 2>(block, group, factor, min, out);
            dequantizeWeight<FLAGS, 3>(block, group, factor, min, out);
        }
        out += kBlock * kTileRows;
    }
}

static void widenTile(const Matrix& m, const uint8_t* tile, float* out) {
    const uint16_t* halves = (const uint16_t*)tile;
    for (size_t i = 0; i < (size_t)m.columns * kTileRows; i += kTileRows) {
        store(out + i, m.type == WeightType::kF16 ? loadHalf(halves + i) : loadBrainHalf(halves + i));
    }
}

static inline void storeRows(const Matrix& m, float* out, int row, int firstRow, Floats y) {
    float* p = out + (size_t)row * m.rows + firstRow;
    if (firstRow + kTileRows <= m.rows) {
        store(p, y);
        return;
    }
    float lanes[kTileRows];
    store(lanes, y);
    for (int i = 0; firstRow + i < m.rows; i++) p[i] = lanes[i];
}

template <int FLAGS, int N>
static inline void columns(const MatmulArgs& args, const Matrix& m, const uint8_t* tile, float* out, int firstRow, int row) {
    Floats y[N];
    for (int c = 0; c < N; c++) y[c] = zeros();
    if constexpr (FLAGS < 0) {
        floatTile<N>(args, (const float*)tile, row, y);
    } else {
        blockTile<FLAGS, N>(args, m, tile, row, y);
    }
    for (int c = 0; c < N; c++) storeRows(m, out, row + c, firstRow, y[c]);
}

// FLAGS < 0: `tile` is dequantised.
template <int FLAGS>
static void allColumns(const MatmulArgs& args, const Matrix& m, const uint8_t* tile, float* out, int firstRow) {
    int row = 0;
    for (; row + kColumns <= args.rows; row += kColumns) {
        columns<FLAGS, kColumns>(args, m, tile, out, firstRow, row);
    }
    if constexpr (kColumns > 4) {
        for (; row + 4 <= args.rows; row += 4) columns<FLAGS, 4>(args, m, tile, out, firstRow, row);
    }
    switch (args.rows - row) {
        case 3: columns<FLAGS, 3>(args, m, tile, out, firstRow, row); break;
        case 2: columns<FLAGS, 2>(args, m, tile, out, firstRow, row); break;
        case 1: columns<FLAGS, 1>(args, m, tile, out, firstRow, row); break;
        default: break;
    }
}

// Products of one tile of a block type; float activations take the tile dequantised into `buffer`.
template <int FLAGS>
static void multiplyBlocks(const MatmulArgs& args, const Matrix& m, const uint8_t* tile, float* out, int firstRow, float* buffer) {
    if (m.usesCodes) {
        allColumns<FLAGS>(args, m, tile, out, firstRow);
    } else {
        dequantizeBlocks<FLAGS>(m, tile, buffer);
        allColumns<-1>(args, m, (const uint8_t*)buffer, out, firstRow);
    }
}

// `buffer`: float[columns][16].
static void multiplyTile(const MatmulArgs& args, const Matrix& m, int tile, float* out, float* buffer) {
    const uint8_t* data = m.data + (size_t)tile * m.tileBytes;
    const int firstRow = tile * kTileRows;
    if (m.type == WeightType::kF32) return allColumns<-1>(args, m, data, out, firstRow);
    if (m.type != WeightType::kBlocks) {
        widenTile(m, data, buffer);
        return allColumns<-1>(args, m, (const uint8_t*)buffer, out, firstRow);
    }
    switch (m.flags) {
        case kNibbles | kZero8 | kHalfFloats:  // Q4_0
            return multiplyBlocks<kNibbles | kZero8 | kHalfFloats>(args, m, data, out, firstRow, buffer);
        case kNibbles | kHalfFloats | kMins:  // Q4_1
            return multiplyBlocks<kNibbles | kHalfFloats | kMins>(args, m, data, out, firstRow, buffer);
        case kNibbles | kMins:  // Q4_K
            return multiplyBlocks<kNibbles | kMins>(args, m, data, out, firstRow, buffer);
        case kHalfFloats:  // Q5_0, Q8_0
            return multiplyBlocks<kHalfFloats>(args, m, data, out, firstRow, buffer);
        case kHalfFloats | kMins:  // Q5_1
            return multiplyBlocks<kHalfFloats | kMins>(args, m, data, out, firstRow, buffer);
        case kMins:  // Q5_K
            return multiplyBlocks<kMins>(args, m, data, out, firstRow, buffer);
        case kHalves | kHalfFloats:  // Q6_K
            return multiplyBlocks<kHalves | kHalfFloats>(args, m, data, out, firstRow, buffer);
        default: __builtin_trap();
    }
}

static void matmul(const void* opaque, int chunk, void* scratch) {
    const MatmulArgs& args = *(const MatmulArgs*)opaque;
    const int last = args.firstTile[args.numMatrices];
    int tile = chunk * args.tilesPerChunk;
    const int end = tile + args.tilesPerChunk < last ? tile + args.tilesPerChunk : last;
    int i = 0;
    for (; tile < end; tile++) {
        while (tile >= args.firstTile[i + 1]) i++;
        multiplyTile(args, *args.matrices[i], tile - args.firstTile[i], args.outs[i], (float*)scratch);
    }
}

// Rows of an embedding table out of its tiles.
static void embed(const void* opaque, int row, void*) {
    const EmbedArgs& args = *(const EmbedArgs*)opaque;
    const Matrix& m = *args.table;
    const int token = args.tokens[row];
    const int lane = token % kTileRows;
    const uint8_t* tile = m.data + (size_t)(token / kTileRows) * m.tileBytes;
    float* out = args.out + (size_t)row * m.columns;
    if (m.type != WeightType::kBlocks) {
        for (int k = 0; k < m.columns; k++) {
            const size_t at = (size_t)k * kTileRows + lane;
            float lanes[kTileRows];
            switch (m.type) {
                case WeightType::kF32: out[k] = ((const float*)tile)[at]; break;
                case WeightType::kF16:
                    store(lanes, loadHalf((const uint16_t*)tile + (size_t)k * kTileRows));
                    out[k] = lanes[lane];
                    break;
                default: {
                    const uint32_t bits = (uint32_t)((const uint16_t*)tile)[at] << 16;
                    __builtin_memcpy(out + k, &bits, 4);
                }
            }
        }
        return;
    }
    const bool nibbles = m.flags & kNibbles;
    const bool half = m.flags & kHalfFloats;
    const int halvesAt = nibbles ? 256 : 512;
    const int scalesAt = halvesAt + ((m.flags & kHalves) ? 32 : 0);
    const int minsAt = scalesAt + (half ? 32 : 64);
    for (int b = 0; b < m.columns / kBlock; b++) {
        const uint8_t* block = tile + (size_t)b * m.blockBytes;
        float scales[kTileRows];
        float mins[kTileRows];
        store(scales, loadScales(block + scalesAt, half));
        store(mins, (m.flags & kMins) ? loadScales(block + minsAt, half) : zeros());
        for (int k = 0; k < kBlock; k++) {
            const int group = k / 4;
            int x = ((const int8_t*)block)[64 * (nibbles ? group % 4 : group) + 4 * lane + k % 4];
            if (nibbles) {
                x = group < 4 ? x & 15 : (x >> 4) & 15;
                x -= (m.flags & kZero8) ? 8 : 0;
            }
            float w = scales[lane] * (float)x;
            if (m.flags & kHalves) w *= (float)((const int8_t*)block)[halvesAt + 16 * (k / 16) + lane];
            out[b * kBlock + k] = (m.flags & kMins) ? w + mins[lane] : w;
        }
    }
}

}  // namespace millrace::MILLRACE_ISA
