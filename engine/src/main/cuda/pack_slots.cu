// Packs slots of pages side by side: int32 position, int8 only: float K scale, float V scale, then T K[headDim], T V[headDim]. slots
// int[count][2]: page, slot; out byte[count][slotBytes], where a slot may begin at any byte. One warp a slot.
// Versions: 1, this one: what lies at any byte is written a byte at a time.
#include "cache.cuh"

struct PackSlotsArguments {
    const uint8_t* pool;
    const int* slots;
    uint8_t* out;
    Page page;
};

template <typename T>
static __device__ __forceinline__ void putBytes(uint8_t* to, T value) {
    for (int i = 0; i < (int)sizeof(T); i++) to[i] = (uint8_t)(value >> 8 * i);
}

// T: an unsigned integer of an element's size.
template <int TYPE, typename T>
static __device__ __forceinline__ void packElements(const Page& page, const uint8_t* from, int slot, uint8_t* to) {
    for (int d = laneOf(); d < page.headDim; d += kWarp) {
        putBytes(to + d * sizeof(T), ((const T*)(from + page.keys))[keyIndex<TYPE>(page, slot, d)]);
        putBytes(to + (page.headDim + d) * sizeof(T), ((const T*)(from + page.values))[slot * page.headDim + d]);
    }
}

KERNEL(packSlots, PackSlotsArguments, kWarp) {
    const Page& page = args.page;
    const uint8_t* from = args.pool + (size_t)args.slots[2 * blockIdx.x] * page.pageBytes;
    const int slot = args.slots[2 * blockIdx.x + 1];
    const int prefix = page.type == kInt8 ? 12 : 4;
    const int elementBytes = page.type == kF32 ? 4 : page.type == kF16 ? 2 : 1;
    uint8_t* to = args.out + (size_t)blockIdx.x * (prefix + 2 * elementBytes * page.headDim);
    if (laneOf() == 0) {
        putBytes(to, ((const uint32_t*)(from + page.positions))[slot]);
        if (page.type == kInt8) {
            putBytes(to + 4, ((const uint32_t*)(from + page.keyScales))[slot]);
            putBytes(to + 8, ((const uint32_t*)(from + page.valueScales))[slot]);
        }
    }
    switch (page.type) {
        case kF32: packElements<kF32, uint32_t>(page, from, slot, to + prefix); break;
        case kF16: packElements<kF16, uint16_t>(page, from, slot, to + prefix); break;
        default: packElements<kInt8, uint8_t>(page, from, slot, to + prefix);
    }
}
