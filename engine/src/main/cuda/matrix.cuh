// Weight matrices in device memory, as CudaMatrix.java packs them. Block types, in sections that each hold all rows:
//   codes       4 bits: uint8[rows][blocks][16], low nibbles weights 0..15, high nibbles 16..31 of a block
//               8 bits: int8[rows][blocks][32], code - zero
//   halfScales  int8[rows][blocks][2], Q6_K only
//   scales      float16 or float32 [rows][blocks]
//   mins        as scales; only types that have them
// Float types: T[rows / 32][columns][32], tiles of 32 rows, the last one padded.
#pragma once

#include "device.cuh"

struct Matrix {
    const void* codes;
    const int8_t* halfScales;
    const void* scales;
    const void* mins;
    int rows;
    int columns;
};

// A stored format; Q5_0 lies as Q8_0 does.
template <bool NIBBLES, int ZERO, typename Scale, bool MINS, bool HALVES>
struct BlockFormat {
    static constexpr bool kNibbles = NIBBLES;
    static constexpr int kZero = ZERO;  // that is not subtracted yet
    static constexpr bool kMins = MINS;
    static constexpr bool kHalves = HALVES;

    static __device__ __forceinline__ float scale(const Matrix& m, size_t block) { return widen(((const Scale*)m.scales)[block]); }

    static __device__ __forceinline__ float min(const Matrix& m, size_t block) { return widen(((const Scale*)m.mins)[block]); }

    // Weight k of a row, dequantised.
    static __device__ __forceinline__ float weight(const Matrix& m, int row, int k) {
        const size_t block = (size_t)row * (m.columns / kBlock) + k / kBlock;
        const int i = k % kBlock;
        int code;
        if constexpr (NIBBLES) {
            const int pair = ((const uint8_t*)m.codes)[block * 16 + i % 16];
            code = (i < 16 ? pair & 0xF : pair >> 4) - ZERO;
        } else {
            code = ((const int8_t*)m.codes)[block * kBlock + i];
        }
        float factor = scale(m, block);
        if constexpr (HALVES) factor *= (float)m.halfScales[2 * block + i / 16];  // exact
        const float value = factor * (float)code;
        if constexpr (MINS) return value + min(m, block);
        return value;
    }
};

template <typename T>
struct FloatFormat {
    static __device__ __forceinline__ float weight(const Matrix& m, int row, int k) {
        return widen(((const T*)m.codes)[((size_t)(row / kWarp) * m.columns + k) * kWarp + row % kWarp]);
    }
};

struct BFloat16Format {
    static __device__ __forceinline__ float weight(const Matrix& m, int row, int k) {
        const uint16_t bits = ((const uint16_t*)m.codes)[((size_t)(row / kWarp) * m.columns + k) * kWarp + row % kWarp];
        return __int_as_float((int)((uint32_t)bits << 16));
    }
};

using Q4_0 = BlockFormat<true, 8, uint16_t, false, false>;
using Q4_1 = BlockFormat<true, 0, uint16_t, true, false>;
using Q4_K = BlockFormat<true, 0, float, true, false>;
using Q5_1 = BlockFormat<false, 0, uint16_t, true, false>;
using Q5_K = BlockFormat<false, 0, float, true, false>;
using Q6_K = BlockFormat<false, 0, uint16_t, false, true>;
using Q8_0 = BlockFormat<false, 0, uint16_t, false, false>;
using F32 = FloatFormat<float>;
using F16 = FloatFormat<uint16_t>;
using BF16 = BFloat16Format;
