// Packs slots of pages side by side, and unpacks them into pages: int32 position, int8 only: float K scale, float V scale, then T K[headDim],
// T V[headDim]. slots int[count][2]: page, slot; packed byte[count][slotBytes], where a slot may begin at any byte. One warp a slot.
// Versions: 1, this one: what lies at any byte is written and read a byte at a time.
#include "cache.cuh"

struct PackSlotsArguments {
    uint8_t* pool;
    const int* slots;
    uint8_t* packed;
    Page page;
};

// One slot in its page and by itself.
struct Slot {
    uint8_t* page;
    int slot;
    uint8_t* packed;
};

template <typename T>
static __device__ __forceinline__ void putBytes(uint8_t* to, T value) {
    for (int i = 0; i < (int)sizeof(T); i++) to[i] = (uint8_t)(value >> 8 * i);
}

template <typename T>
static __device__ __forceinline__ T getBytes(const uint8_t* from) {
    T value = 0;
    for (int i = 0; i < (int)sizeof(T); i++) value = (T)(value | (T)from[i] << 8 * i);
    return value;
}

template <bool PACK, typename T>
static __device__ __forceinline__ void copyElement(T* inPage, uint8_t* packed) {
    if constexpr (PACK) {
        putBytes(packed, *inPage);
    } else {
        *inPage = getBytes<T>(packed);
    }
}

// T: an unsigned integer of an element's size.
template <bool PACK, int TYPE, typename T>
static __device__ __forceinline__ void copyElements(const Page& page, const Slot& at, uint8_t* packed) {
    for (int d = laneOf(); d < page.headDim; d += kWarp) {
        copyElement<PACK>((T*)(at.page + page.keys) + keyIndex<TYPE>(page, at.slot, d), packed + d * sizeof(T));
        copyElement<PACK>((T*)(at.page + page.values) + at.slot * page.headDim + d, packed + (page.headDim + d) * sizeof(T));
    }
}

template <bool PACK>
static __device__ __forceinline__ void copySlot(const PackSlotsArguments& args) {
    const Page& page = args.page;
    const int prefix = page.type == kInt8 ? 12 : 4;
    const int elementBytes = page.type == kF32 ? 4 : page.type == kF16 ? 2 : 1;
    const Slot at = {
        args.pool + (size_t)args.slots[2 * blockIdx.x] * page.pageBytes, args.slots[2 * blockIdx.x + 1],
        args.packed + (size_t)blockIdx.x * (prefix + 2 * elementBytes * page.headDim)};
    if (laneOf() == 0) {
        copyElement<PACK>((uint32_t*)(at.page + page.positions) + at.slot, at.packed);
        if (page.type == kInt8) {
            copyElement<PACK>((uint32_t*)(at.page + page.keyScales) + at.slot, at.packed + 4);
            copyElement<PACK>((uint32_t*)(at.page + page.valueScales) + at.slot, at.packed + 8);
        }
    }
    switch (page.type) {
        case kF32: copyElements<PACK, kF32, uint32_t>(page, at, at.packed + prefix); break;
        case kF16: copyElements<PACK, kF16, uint16_t>(page, at, at.packed + prefix); break;
        default: copyElements<PACK, kInt8, uint8_t>(page, at, at.packed + prefix);
    }
}

KERNEL(packSlots, PackSlotsArguments, kWarp) { copySlot<true>(args); }

KERNEL(unpackSlots, PackSlotsArguments, kWarp) { copySlot<false>(args); }
