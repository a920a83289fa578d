// The KV cache as kernels see it: KvPageDescriptor.java draws a page, CacheView.java the tables.
#pragma once

#include "device.cuh"

constexpr int kPageSlots = 32;
constexpr int kTileSlots = 16;
constexpr int kMaxHeadDim = 256;

enum KvType { kF32 = 0, kF16 = 1, kInt8 = 2 };

// Byte offsets of a page's sections.
struct Page {
    int type;
    int headDim;
    int keyDim;
    int positions;
    int keyScales;
    int valueScales;
    int keys;
    int values;
    int pageBytes;
    int padding;
};

// One layer of a step.
struct Cache {
    uint8_t* pool;
    const int* rows;  // int[numRows][2]: sequence, position
    const int* sequences;  // int[numSequences][2]: first row, rows
    const int* heads;  // int[numSequences][numKvHeads][4]: first entry, pages, first new slot, score mode
    const int* entries;  // int[][2]: page, live mask
    int* faults;  // int[numRows]
    float* scores;  // float[pages][32]
    Page page;
    int numRows;
    int numSequences;
    int numKvHeads;
    int numHeads;
};

template <int TYPE>
struct Element;
template <>
struct Element<kF32> {
    using Type = float;
};
template <>
struct Element<kF16> {
    using Type = uint16_t;
};
template <>
struct Element<kInt8> {
    using Type = int8_t;
};

// Index of dimension d of the key in `slot`, in elements from the section's start.
template <int TYPE>
static __device__ __forceinline__ int keyIndex(const Page& page, int slot, int d) {
    const int tile = slot / kTileSlots;
    const int lane = slot % kTileSlots;
    if constexpr (TYPE == kInt8) return ((tile * (page.keyDim / 4) + d / 4) * kTileSlots + lane) * 4 + d % 4;
    return (tile * page.headDim + d) * kTileSlots + lane;
}
