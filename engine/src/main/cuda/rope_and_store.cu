// Rotates queries and keys by their rows' positions and stores keys and values of one layer in their slots, with the slots' positions and score
// 0. Tables float[positions][dimensions / 2][2]: cosine, sine; q float[numRows][numHeads][headDim] and k float[numRows][numKvHeads][headDim]
// are rotated in place; v as k. Half-split: dimension i turns with i + dimensions / 2. Keys and values that are not finite set faults[row].
// One warp a row and head, grid (rows, query heads and KV heads). And rotate, the rotation alone, with the heads of x.
// Versions: 1, this one: queries and keys in one launch, stored as they are rotated.
#include "cache.cuh"

struct RopeAndStoreArguments {
    Cache cache;
    const float* queryTable;
    const float* keyTable;
    float* q;
    float* k;
    const float* v;
    int dimensions;
};

struct RotateArguments {
    const int* rows;  // int[numRows][2]: sequence, position
    const float* table;
    float* x;
    int dimensions;
    int heads;
    int headDim;
};

static __device__ __forceinline__ void rotateHead(float* x, const float* table, int position, int dimensions) {
    const float* rope = table + (size_t)position * dimensions;
    const int half = dimensions / 2;
    for (int i = laneOf(); i < half; i += kWarp) {
        const float c = rope[2 * i];
        const float s = rope[2 * i + 1];
        const float x0 = x[i];
        const float x1 = x[half + i];
        x[i] = fmaf(x0, c, -(x1 * s));
        x[half + i] = fmaf(x1, c, x0 * s);
    }
}

// Largest magnitude of a head, as bits, in all lanes.
static __device__ __forceinline__ int largestMagnitude(const float* x, int headDim) {
    int largest = 0;
    for (int d = laneOf(); d < headDim; d += kWarp) {
        const int bits = __float_as_int(x[d]) & kMagnitudeBits;
        largest = bits > largest ? bits : largest;
    }
    return warpMax(largest);
}

// Whether all that this lane stores is finite.
static __device__ __forceinline__ bool storeCodes(
    const Page& page, uint8_t* at, int slot, const float* key, const float* value) {
    const Quantizer keys(largestMagnitude(key, page.headDim));
    const Quantizer values(largestMagnitude(value, page.headDim));
    if (laneOf() == 0) {
        ((float*)(at + page.keyScales))[slot] = keys.scale;
        ((float*)(at + page.valueScales))[slot] = values.scale;
    }
    for (int d = laneOf(); d < page.headDim; d += kWarp) {
        ((int8_t*)at + page.keys)[keyIndex<kInt8>(page, slot, d)] = (int8_t)keys.code(key[d]);
        ((int8_t*)at + page.values)[slot * page.headDim + d] = (int8_t)values.code(value[d]);
    }
    return isFinite(keys.scale) && isFinite(values.scale);
}

static __device__ __forceinline__ bool storeHalves(
    const Page& page, uint8_t* at, int slot, const float* key, const float* value) {
    bool finite = true;
    for (int d = laneOf(); d < page.headDim; d += kWarp) {
        const uint16_t k = narrow(key[d]);
        const uint16_t v = narrow(value[d]);
        ((uint16_t*)(at + page.keys))[keyIndex<kF16>(page, slot, d)] = k;
        ((uint16_t*)(at + page.values))[slot * page.headDim + d] = v;
        finite = finite && (k & 0x7C00) != 0x7C00 && (v & 0x7C00) != 0x7C00;
    }
    return finite;
}

static __device__ __forceinline__ bool storeFloats(
    const Page& page, uint8_t* at, int slot, const float* key, const float* value) {
    bool finite = true;
    for (int d = laneOf(); d < page.headDim; d += kWarp) {
        ((float*)(at + page.keys))[keyIndex<kF32>(page, slot, d)] = key[d];
        ((float*)(at + page.values))[slot * page.headDim + d] = value[d];
        finite = finite && isFinite(key[d]) && isFinite(value[d]);
    }
    return finite;
}

KERNEL(rotate, RotateArguments, kWarp) {
    const int row = (int)blockIdx.x;
    float* x = args.x + ((size_t)row * args.heads + blockIdx.y) * args.headDim;
    rotateHead(x, args.table, args.rows[2 * row + 1], args.dimensions);
}

KERNEL(ropeAndStore, RopeAndStoreArguments, kWarp) {
    const Cache& cache = args.cache;
    const Page& page = cache.page;
    const int row = (int)blockIdx.x;
    const int sequence = cache.rows[2 * row];
    const int position = cache.rows[2 * row + 1];
    const int queryHead = (int)blockIdx.y;
    if (queryHead < cache.numHeads) {
        float* query = args.q + ((size_t)row * cache.numHeads + queryHead) * page.headDim;
        rotateHead(query, args.queryTable, position, args.dimensions);
        return;
    }
    const int kvHead = queryHead - cache.numHeads;
    float* key = args.k + ((size_t)row * cache.numKvHeads + kvHead) * page.headDim;
    const float* value = args.v + ((size_t)row * cache.numKvHeads + kvHead) * page.headDim;
    rotateHead(key, args.keyTable, position, args.dimensions);
    __syncwarp();

    const int* head = cache.heads + 4 * ((size_t)sequence * cache.numKvHeads + kvHead);
    const int slotInHead = head[2] + row - cache.sequences[2 * sequence];
    const int number = cache.entries[2 * (head[0] + slotInHead / kPageSlots)];
    const int slot = slotInHead % kPageSlots;
    uint8_t* at = cache.pool + (size_t)number * page.pageBytes;
    if (laneOf() == 0) {
        ((int*)(at + page.positions))[slot] = position;
        cache.scores[(size_t)number * kPageSlots + slot] = 0.f;
    }
    bool finite;
    switch (page.type) {
        case kF32: finite = storeFloats(page, at, slot, key, value); break;
        case kF16: finite = storeHalves(page, at, slot, key, value); break;
        default: finite = storeCodes(page, at, slot, key, value);
    }
    if (!finite) cache.faults[row] = 1;
}
