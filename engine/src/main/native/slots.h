// SPDX-License-Identifier: Apache-2.0
// What fills the slots of pages: rotary embedding with the storing of new keys and values, and moves from page to page. And what packs
// them side by side, and back.
#pragma once

namespace millrace::MILLRACE_ISA {

// Half-split rotation: dimension i turns with i + dimensions / 2.
static inline void rotateHead(float* x, const float* rope, int dimensions) {
    const int half = dimensions / 2;
    for (int i = 0; i < half; i++) {
        const float c = rope[2 * i];
        const float s = rope[2 * i + 1];
        const float x0 = x[i];
        const float x1 = x[half + i];
        x[i] = __builtin_fmaf(x0, c, -(x1 * s));
        x[half + i] = __builtin_fmaf(x1, c, x0 * s);
    }
}

static inline bool isFinite(float x) { return (bitsOf(x) & kExponentBits) != kExponentBits; }

// Writes one head's key and value into slot `slot` of a page; false if something stored is not finite.
static inline bool storeSlot(
    const PageLayout& p, uint8_t* page, int slot, const float* key, const float* value, uint8_t* buffer) {
    const int tile = slot / kTileRows;
    const int lane = slot % kTileRows;
    const int d4 = p.keyDim / 4;
    switch (p.type) {
        case KvType::kF32: {
            float* keys = (float*)(page + p.keys) + (size_t)tile * p.headDim * kTileRows + lane;
            float* values = (float*)(page + p.values) + (size_t)slot * p.headDim;
            for (int d = 0; d < p.headDim; d++) keys[d * kTileRows] = key[d];
            __builtin_memcpy(values, value, sizeof(float) * (size_t)p.headDim);
            return largestMagnitude(key, p.headDim) < kExponentBits &&
                   largestMagnitude(value, p.headDim) < kExponentBits;
        }
        case KvType::kF16: {
            uint16_t* keys = (uint16_t*)(page + p.keys) + (size_t)tile * p.headDim * kTileRows + lane;
            uint16_t* values = (uint16_t*)(page + p.values) + (size_t)slot * p.headDim;
            uint16_t* halves = (uint16_t*)buffer;
            bool finite = true;
            for (int pass = 0; pass < 2; pass++) {
                const float* from = pass == 0 ? key : value;
                int d = 0;
                for (; d + 16 <= p.headDim; d += 16) storeHalf(halves + d, load(from + d));
                if (d < p.headDim) {
                    float lanes[16] = {0};
                    for (int j = 0; d + j < p.headDim; j++) lanes[j] = from[d + j];
                    storeHalf(halves + d, load(lanes));
                }
                for (d = 0; d < p.headDim; d++) {
                    finite &= (halves[d] & 0x7C00) != 0x7C00;
                    if (pass == 0) {
                        keys[d * kTileRows] = halves[d];
                    } else {
                        values[d] = halves[d];
                    }
                }
            }
            return finite;
        }
        default: {
            int8_t* codes = (int8_t*)buffer;
            const float keyScale = quantizeBlock(key, p.headDim, codes);
            ((float*)(page + p.keyScales))[slot] = keyScale;
            int8_t* keys = (int8_t*)page + p.keys;
            for (int d = 0; d < p.headDim; d++) {
                keys[((tile * d4 + d / 4) * kTileRows + lane) * 4 + d % 4] = codes[d];
            }
            const float valueScale = quantizeBlock(value, p.headDim, codes);
            ((float*)(page + p.valueScales))[slot] = valueScale;
            __builtin_memcpy(page + p.values + (size_t)slot * p.headDim, codes, (size_t)p.headDim);
            return isFinite(keyScale) && isFinite(valueScale);
        }
    }
}

static inline void rotateHeads(float* x, int heads, int headDim, const float* table, int position, int dimensions) {
    const float* rope = table + (size_t)position * dimensions;
    for (int h = 0; h < heads; h++) rotateHead(x + (size_t)h * headDim, rope, dimensions);
}

static void rotate(const void* opaque, int row, void*) {
    const RotateArgs& args = *(const RotateArgs*)opaque;
    float* x = args.x + (size_t)row * args.heads * args.headDim;
    rotateHeads(x, args.heads, args.headDim, args.table, args.rows[2 * row + 1], args.dimensions);
}

static void ropeAndStore(const void* opaque, int row, void* scratch) {
    const StoreArgs& args = *(const StoreArgs*)opaque;
    const CacheArgs& c = args.cache;
    const int headDim = c.page.headDim;
    const int sequence = c.rows[2 * row];
    const int position = c.rows[2 * row + 1];
    const int rowInSequence = row - c.sequences[2 * sequence];
    float* queries = args.q + (size_t)row * c.numHeads * headDim;
    float* keys = args.k + (size_t)row * c.numKvHeads * headDim;
    rotateHeads(queries, c.numHeads, headDim, args.queryTable, position, args.dimensions);
    rotateHeads(keys, c.numKvHeads, headDim, args.keyTable, position, args.dimensions);
    for (int h = 0; h < c.numKvHeads; h++) {
        const size_t at = ((size_t)row * c.numKvHeads + h) * headDim;
        const int32_t* head = c.heads + 4 * ((size_t)sequence * c.numKvHeads + h);
        const int slotInHead = head[2] + rowInSequence;
        const int32_t* entry = c.entries + 2 * ((size_t)head[0] + slotInHead / kPageSlots);
        uint8_t* page = c.pool + (size_t)entry[0] * c.page.pageBytes;
        const int slot = slotInHead % kPageSlots;
        ((int32_t*)(page + c.page.positions))[slot] = position;
        c.scores[(size_t)entry[0] * kPageSlots + slot] = 0.f;
        if (!storeSlot(c.page, page, slot, args.k + at, args.v + at, (uint8_t*)scratch)) c.faults[row] = 1;
    }
}

static inline size_t elementBytesOf(const PageLayout& p) { return p.type == KvType::kF32 ? 4 : p.type == KvType::kF16 ? 2 : 1; }

template <typename T>
static inline void moveStrided(const uint8_t* from, uint8_t* to, int count, int fromLane, int toLane) {
    for (int i = 0; i < count; i++) ((T*)to)[i * kTileRows + toLane] = ((const T*)from)[i * kTileRows + fromLane];
}

static inline void moveSlot(const MoveArgs& args, int fromPage, int fromSlot, int toPage, int toSlot) {
    const PageLayout& p = args.page;
    const uint8_t* from = args.pool + (size_t)fromPage * p.pageBytes;
    uint8_t* to = args.pool + (size_t)toPage * p.pageBytes;
    ((int32_t*)(to + p.positions))[toSlot] = ((const int32_t*)(from + p.positions))[fromSlot];
    args.scores[(size_t)toPage * kPageSlots + toSlot] = args.scores[(size_t)fromPage * kPageSlots + fromSlot];
    const size_t elementBytes = elementBytesOf(p);
    const size_t tileBytes = elementBytes * (size_t)p.keyDim * kTileRows;
    const uint8_t* fromKeys = from + p.keys + fromSlot / kTileRows * tileBytes;
    uint8_t* toKeys = to + p.keys + toSlot / kTileRows * tileBytes;
    const int fromLane = fromSlot % kTileRows;
    const int toLane = toSlot % kTileRows;
    switch (p.type) {
        case KvType::kF32: moveStrided<uint32_t>(fromKeys, toKeys, p.keyDim, fromLane, toLane); break;
        case KvType::kF16: moveStrided<uint16_t>(fromKeys, toKeys, p.keyDim, fromLane, toLane); break;
        default:
            moveStrided<uint32_t>(fromKeys, toKeys, p.keyDim / 4, fromLane, toLane);  // 4 dimensions a lane
            ((float*)(to + p.keyScales))[toSlot] = ((const float*)(from + p.keyScales))[fromSlot];
            ((float*)(to + p.valueScales))[toSlot] = ((const float*)(from + p.valueScales))[fromSlot];
    }
    const size_t valueBytes = elementBytes * (size_t)p.headDim;
    __builtin_memcpy(to + p.values + toSlot * valueBytes, from + p.values + fromSlot * valueBytes, valueBytes);
}

template <typename T>
static inline uint8_t* packStrided(const uint8_t* from, int lane, size_t bytes, uint8_t* to) {
    const size_t whole = bytes / sizeof(T);
    for (size_t i = 0; i < whole; i++) __builtin_memcpy(to + i * sizeof(T), (const T*)from + i * kTileRows + lane, sizeof(T));
    __builtin_memcpy(to + whole * sizeof(T), (const T*)from + whole * kTileRows + lane, bytes % sizeof(T));
    return to + bytes;
}

static inline void packSlot(const PackArgs& args, int page, int slot, uint8_t* to) {
    const PageLayout& p = args.page;
    const uint8_t* from = args.pool + (size_t)page * p.pageBytes;
    __builtin_memcpy(to, from + p.positions + 4 * slot, 4);
    to += 4;
    const size_t elementBytes = elementBytesOf(p);
    const size_t bytes = elementBytes * (size_t)p.headDim;
    const uint8_t* keys = from + p.keys + slot / kTileRows * (elementBytes * (size_t)p.keyDim * kTileRows);
    const int lane = slot % kTileRows;
    switch (p.type) {
        case KvType::kF32: to = packStrided<uint32_t>(keys, lane, bytes, to); break;
        case KvType::kF16: to = packStrided<uint16_t>(keys, lane, bytes, to); break;
        default:
            __builtin_memcpy(to, from + p.keyScales + 4 * slot, 4);
            __builtin_memcpy(to + 4, from + p.valueScales + 4 * slot, 4);
            to = packStrided<uint32_t>(keys, lane, bytes, to + 8);  // 4 dimensions a lane
    }
    __builtin_memcpy(to, from + p.values + slot * bytes, bytes);
}

static void packSlots(const void* opaque, int chunk, void*) {
    const PackArgs& args = *(const PackArgs*)opaque;
    const int first = chunk * args.slotsPerChunk;
    const int end = first + args.slotsPerChunk < args.count ? first + args.slotsPerChunk : args.count;
    for (int i = first; i < end; i++) {
        packSlot(args, args.slots[2 * i], args.slots[2 * i + 1], args.packed + (size_t)i * args.slotBytes);
    }
}

template <typename T>
static inline const uint8_t* unpackStrided(const uint8_t* from, size_t bytes, uint8_t* to, int lane) {
    const size_t whole = bytes / sizeof(T);
    for (size_t i = 0; i < whole; i++) __builtin_memcpy((T*)to + i * kTileRows + lane, from + i * sizeof(T), sizeof(T));
    __builtin_memcpy((T*)to + whole * kTileRows + lane, from + whole * sizeof(T), bytes % sizeof(T));
    return from + bytes;
}

static inline void unpackSlot(const PackArgs& args, int page, int slot, const uint8_t* from) {
    const PageLayout& p = args.page;
    uint8_t* to = args.pool + (size_t)page * p.pageBytes;
    __builtin_memcpy(to + p.positions + 4 * slot, from, 4);
    from += 4;
    const size_t elementBytes = elementBytesOf(p);
    const size_t bytes = elementBytes * (size_t)p.headDim;
    uint8_t* keys = to + p.keys + slot / kTileRows * (elementBytes * (size_t)p.keyDim * kTileRows);
    const int lane = slot % kTileRows;
    switch (p.type) {
        case KvType::kF32: from = unpackStrided<uint32_t>(from, bytes, keys, lane); break;
        case KvType::kF16: from = unpackStrided<uint16_t>(from, bytes, keys, lane); break;
        default:
            __builtin_memcpy(to + p.keyScales + 4 * slot, from, 4);
            __builtin_memcpy(to + p.valueScales + 4 * slot, from + 4, 4);
            from = unpackStrided<uint32_t>(from + 8, bytes, keys, lane);  // 4 dimensions a lane
    }
    __builtin_memcpy(to + p.values + slot * bytes, from, bytes);
}

static void unpackSlots(const void* opaque, int chunk, void*) {
    const PackArgs& args = *(const PackArgs*)opaque;
    const int first = chunk * args.slotsPerChunk;
    const int end = first + args.slotsPerChunk < args.count ? first + args.slotsPerChunk : args.count;
    for (int i = first; i < end; i++) {
        unpackSlot(args, args.slots[2 * i], args.slots[2 * i + 1], args.packed + (size_t)i * args.slotBytes);
    }
}

static void moveSlots(const void* opaque, int chunk, void*) {
    const MoveArgs& args = *(const MoveArgs*)opaque;
    const int first = chunk * args.movesPerChunk;
    const int end = first + args.movesPerChunk < args.count ? first + args.movesPerChunk : args.count;
    for (int i = first; i < end; i++) {
        const int32_t* move = args.moves + 4 * (size_t)i;
        moveSlot(args, move[0], move[1], move[2], move[3]);
    }
}

}  // namespace millrace::MILLRACE_ISA
