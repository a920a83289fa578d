// Causal attention of one layer for rows of any sequences, prefill and decode in one launch: each row over the live slots of its sequence whose
// position is not above its own. q, out float[numRows][numHeads][headDim].
// Grid (rows, KV heads and chunks of large groups, reduction blocks). A thread block:
//   1. lists the live slots of its reduction block
//   2. scores them, one thread a slot, for up to 8 queries: heads of the group, and consecutive rows of the sequence
//   3. weights: exp(score - block maximum), 0 where a row does not see a slot
//   4. values: one thread a dimension walks the slots in order, o = fma(w, v, o); the last warp adds up the weights in the same order
//   5. the last thread block of a tile of rows combines all its reduction blocks in ascending order, and quantises
// The cut at reduction blocks is that of docs/numerics.md, so no bit depends on the batch or the grid. A slot's key and value are read once for
// all query heads of its group (at most 8) and for 8 / group rows of a prompt.
// Versions: 1, this one: float and dp4a on ordinary cores; scores of a prompt are as costly as decode's.
#include "attention.cuh"

// o and the sum of weights of each query over one reduction block.
template <int TYPE>
static __device__ __forceinline__ void addValues(
    const AttentionArguments& args, const QueryTile& tile, int block, int count, const AttentionMemory& memory) {
    using T = typename Element<TYPE>::Type;
    const Page& page = args.cache.page;
    const int queries = tile.queries();
    const int d = (int)threadIdx.x;
    if (d < page.headDim) {
        float out[kQueries] = {0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f};
        for (int i = 0; i < count; i++) {
            const uint8_t* at = args.cache.pool + (size_t)(memory.slots[i] / kPageSlots) * page.pageBytes;
            const float value = widen(((const T*)(at + page.values))[memory.slots[i] % kPageSlots * page.headDim + d]);
#pragma unroll
            for (int n = 0; n < kQueries; n++) {
                if (n >= queries) continue;
                const float weight = memory.weights[n][i];
                const float scaled = TYPE == kInt8 ? weight * memory.valueScales[i] : weight;
                // By select: the value of a slot that is not visible may be anything.
                out[n] = weight != 0.f ? fmaf(scaled, value, out[n]) : out[n];
            }
        }
#pragma unroll
        for (int n = 0; n < kQueries; n++) {
            if (n < queries) args.partialOut[(tile.partial(args, n) * args.blocks + block) * page.headDim + d] = out[n];
        }
    }
    const int n = d - ((int)blockDim.x - kWarp);
    if (n >= 0 && n < queries) {
        float sum = 0.f;
        for (int i = 0; i < count; i++) sum += memory.weights[n][i];
        float* partial = args.partials + 2 * (tile.partial(args, n) * args.blocks + block);
        partial[0] = memory.largest[n];
        partial[1] = sum;
    }
}

// Partial results come from other thread blocks: volatile keeps them out of this multiprocessor's own cache.
static __device__ __forceinline__ float readPartial(const float* at) { return *(const volatile float*)at; }

static __device__ __forceinline__ void combine(const AttentionArguments& args, const QueryTile& tile, int n) {
    const int headDim = args.cache.page.headDim;
    const int d = (int)threadIdx.x;
    const size_t query = tile.partial(args, n);
    const float* partials = args.partials + 2 * query * args.blocks;
    const float* partialOut = args.partialOut + query * args.blocks * headDim;
    if (d >= headDim) return;
    float largest = minusInfinity();
    for (int b = 0; b <= tile.lastBlock(); b++) {
        const float of = readPartial(partials + 2 * b);
        largest = of > largest ? of : largest;
    }
    float total = 0.f;
    float out = 0.f;
    for (int b = 0; b <= tile.lastBlock(); b++) {
        const float of = readPartial(partials + 2 * b);
        if (of == minusInfinity()) continue;
        const float factor = expOf(of - largest);
        total = fmaf(readPartial(partials + 2 * b + 1), factor, total);
        out = fmaf(readPartial(partialOut + (size_t)b * headDim + d), factor, out);
    }
    // No visible slot: zero.
    const size_t at = tile.index(args.cache, n) * headDim + d;
    const float attended = total == 0.f ? 0.f : out / total + 0.f;
    args.out[at] = attended;
    if (args.codes.codes != nullptr) quantizeBlock(args.codes, at / kBlock, attended);
    if (d == 0) {
        args.totals[2 * query] = largest;
        args.totals[2 * query + 1] = total;
    }
}

template <int TYPE>
static __device__ __forceinline__ void attend(const AttentionArguments& args, AttentionMemory& memory) {
    const QueryTile tile(args);
    const int block = (int)blockIdx.z;
    if (tile.rows == 0 || block > tile.lastBlock()) return;
    const int count = listSlots(args.cache, tile, block, memory);
    loadQueries<TYPE>(args, tile, memory);
    __syncthreads();
    scoreSlots<TYPE>(args.cache, tile.queries(), count, memory);
    __syncthreads();
    weighSlots(args.cache, tile, count, memory);
    __syncthreads();
    addValues<TYPE>(args, tile, block, count, memory);
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        unsigned* arrived = args.arrived + (size_t)blockIdx.x * gridDim.y + blockIdx.y;
        memory.isLast = atomicAdd(arrived, 1u) == (unsigned)tile.lastBlock();
        if (memory.isLast) *arrived = 0;
        __threadfence();
    }
    __syncthreads();
    if (!memory.isLast) return;
    for (int n = 0; n < tile.queries(); n++) combine(args, tile, n);
}

#define ATTENTION(name, TYPE)                                  \
    KERNEL(name, AttentionArguments, kAttentionThreads) {      \
        __shared__ AttentionMemory memory;                     \
        attend<TYPE>(args, memory);                            \
    }
ATTENTION(attention_F32, kF32)
ATTENTION(attention_F16, kF16)
ATTENTION(attention_INT8, kInt8)
