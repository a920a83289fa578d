// Copies slots to other pages of the same pool: position, key, value, scales and score. moves int[count][4]: source page, source slot, target
// page, target slot; no source page is a target page. One warp a move.
// Versions: 1, this one: keys of int8 and float16 move an element at a time, because a slot's lie scattered over its page.
#include "cache.cuh"

struct MoveSlotsArguments {
    uint8_t* pool;
    float* scores;
    const int* moves;
    Page page;
};

template <int TYPE>
static __device__ __forceinline__ void moveElements(
    const Page& page, const uint8_t* from, int fromSlot, uint8_t* to, int toSlot) {
    using T = typename Element<TYPE>::Type;
    for (int d = laneOf(); d < page.keyDim; d += kWarp) {
        ((T*)(to + page.keys))[keyIndex<TYPE>(page, toSlot, d)] = ((const T*)(from + page.keys))[keyIndex<TYPE>(page, fromSlot, d)];
    }
    for (int d = laneOf(); d < page.headDim; d += kWarp) {
        ((T*)(to + page.values))[toSlot * page.headDim + d] = ((const T*)(from + page.values))[fromSlot * page.headDim + d];
    }
}

KERNEL(moveSlots, MoveSlotsArguments, kWarp) {
    const Page& page = args.page;
    const int* move = args.moves + 4 * blockIdx.x;
    const uint8_t* from = args.pool + (size_t)move[0] * page.pageBytes;
    uint8_t* to = args.pool + (size_t)move[2] * page.pageBytes;
    const int fromSlot = move[1];
    const int toSlot = move[3];
    if (laneOf() == 0) {
        ((int*)(to + page.positions))[toSlot] = ((const int*)(from + page.positions))[fromSlot];
        args.scores[(size_t)move[2] * kPageSlots + toSlot] = args.scores[(size_t)move[0] * kPageSlots + fromSlot];
        if (page.type == kInt8) {
            ((float*)(to + page.keyScales))[toSlot] = ((const float*)(from + page.keyScales))[fromSlot];
            ((float*)(to + page.valueScales))[toSlot] = ((const float*)(from + page.valueScales))[fromSlot];
        }
    }
    switch (page.type) {
        case kF32: moveElements<kF32>(page, from, fromSlot, to, toSlot); break;
        case kF16: moveElements<kF16>(page, from, fromSlot, to, toSlot); break;
        default: moveElements<kInt8>(page, from, fromSlot, to, toSlot);
    }
}
