// Causal attention of one layer for rows of any sequences, prefill and decode in one launch: each row over the live slots of its sequence whose
// position is not above its own. q, out float[numRows][numHeads][headDim].
// Grid (rows, KV heads and chunks of large groups, reduction blocks). A thread block:
//   1. lists the live slots of its reduction block
//   2. scores them, one thread a slot, for up to 8 queries: heads of the group, and consecutive rows of the sequence
//   3. weights: exp(score - block maximum), 0 where a row does not see a slot
//   4. values go to shared memory in wide loads, and one thread for four dimensions of a query walks them in the slots' order,
//      o = fma(w, v, o); the last warp adds up the weights in the same order
//   5. the last thread block of a tile of rows combines all its reduction blocks in ascending order, and quantises
// The cut at reduction blocks is that of docs/numerics.md, so no bit depends on the batch or the grid. A slot's key and value are read once for
// all query heads of its group (at most 8) and for 8 / group rows of a prompt.
// Versions: 1, one thread a dimension that loads each slot's value for itself, one page after the other listed: 165 us for 2,048 positions on an
// H200, of which hardly any moved bytes; 2, this one: float and dp4a on ordinary cores; scores of a prompt are as costly as decode's.
#include "attention.cuh"

constexpr int kStagedBytes = 16 << 10;
constexpr int kPieceBytes = 16;

// Values of consecutive listed slots; a row begins at a multiple of 16 bytes.
struct StagedValues {
    int4 pieces[kStagedBytes / kPieceBytes];
};

// Pieces of a staged row.
template <typename T>
static __device__ __forceinline__ int piecesOf(const Page& page) {
    return (page.headDim * (int)sizeof(T) + kPieceBytes - 1) / kPieceBytes;
}

template <typename T>
static __device__ __forceinline__ const uint8_t* valueOf(const Cache& cache, int slot) {
    return cache.pool + (size_t)(slot / kPageSlots) * cache.page.pageBytes + cache.page.values +
           slot % kPageSlots * cache.page.headDim * (int)sizeof(T);
}

static __device__ __forceinline__ unsigned bitsOf(int8_t x) { return (uint8_t)x; }
static __device__ __forceinline__ unsigned bitsOf(uint16_t x) { return x; }
static __device__ __forceinline__ unsigned bitsOf(float x) { return (unsigned)__float_as_int(x); }

// Values of the listed slots [first, first + count). Needs a barrier before and after.
template <typename T>
static __device__ __forceinline__ void stageValues(
    const Cache& cache, int first, int count, const AttentionMemory& memory, StagedValues& staged) {
    const int pieces = piecesOf<T>(cache.page);
    if (cache.page.headDim * (int)sizeof(T) % kPieceBytes == 0) {
#pragma unroll 4
        for (int i = (int)threadIdx.x; i < count * pieces; i += (int)blockDim.x) {
            staged.pieces[i] = ((const int4*)valueOf<T>(cache, memory.slots[first + i / pieces]))[i % pieces];
        }
        return;
    }
    // Rows that no wide load fits, a word at a time.
    constexpr int kOfWord = 4 / (int)sizeof(T);
    const int words = (cache.page.headDim + kOfWord - 1) / kOfWord;
    int* to = (int*)staged.pieces;
    for (int i = (int)threadIdx.x; i < count * words; i += (int)blockDim.x) {
        const T* from = (const T*)valueOf<T>(cache, memory.slots[first + i / words]);
        unsigned word = 0;
        for (int k = 0; k < kOfWord; k++) {
            const int d = i % words * kOfWord + k;
            if (d < cache.page.headDim) word |= bitsOf(from[d]) << k * (32 / kOfWord);
        }
        to[i / words * pieces * (kPieceBytes / 4) + i % words] = (int)word;
    }
}

// Four neighbours of a staged row.
static __device__ __forceinline__ void widenQuad(const int8_t* from, float* to) {
    const int x = *(const int*)from;
#pragma unroll
    for (int k = 0; k < kQuad; k++) to[k] = widen((int8_t)(x >> 8 * k));
}

static __device__ __forceinline__ void widenQuad(const uint16_t* from, float* to) {
    const int2 x = *(const int2*)from;
    to[0] = widen((uint16_t)x.x);
    to[1] = widen((uint16_t)((unsigned)x.x >> 16));
    to[2] = widen((uint16_t)x.y);
    to[3] = widen((uint16_t)((unsigned)x.y >> 16));
}

static __device__ __forceinline__ void widenQuad(const float* from, float* to) {
    const int4 x = *(const int4*)from;
    to[0] = __int_as_float(x.x);
    to[1] = __int_as_float(x.y);
    to[2] = __int_as_float(x.z);
    to[3] = __int_as_float(x.w);
}

// o and the sum of weights of each query over one reduction block.
template <int TYPE>
static __device__ __forceinline__ void addValues(
    const AttentionArguments& args, const QueryTile& tile, int block, int count, const AttentionMemory& memory, StagedValues& staged) {
    using T = typename Element<TYPE>::Type;
    const Page& page = args.cache.page;
    const int quads = (page.headDim + kQuad - 1) / kQuad;
    const int pieces = piecesOf<T>(page);
    const int atOnce = kStagedBytes / kPieceBytes / pieces;
    const int n = (int)threadIdx.x / quads;
    const int d = (int)threadIdx.x % quads * kQuad;
    const bool hasValues = n < tile.queries();
    float out[kQuad] = {0.f, 0.f, 0.f, 0.f};
    for (int first = 0; first < count; first += atOnce) {
        const int slots = count - first < atOnce ? count - first : atOnce;
        if (first > 0) __syncthreads();
        stageValues<T>(args.cache, first, slots, memory, staged);
        __syncthreads();
        if (!hasValues) continue;
        const T* row = (const T*)staged.pieces + d;
#pragma unroll 4
        for (int i = 0; i < slots; i++) {
            float values[kQuad];
            widenQuad(row + i * pieces * (kPieceBytes / (int)sizeof(T)), values);
            const float weight = memory.weights[n][first + i];
            const float scaled = TYPE == kInt8 ? weight * memory.valueScales[first + i] : weight;
            // By select: the value of a slot that is not visible may be anything.
#pragma unroll
            for (int k = 0; k < kQuad; k++) out[k] = weight != 0.f ? fmaf(scaled, values[k], out[k]) : out[k];
        }
    }
    if (hasValues) {
        float* to = args.partialOut + (tile.partial(args, n) * args.blocks + block) * page.headDim + d;
        for (int k = 0; k < kQuad && d + k < page.headDim; k++) to[k] = out[k];
    }
    const int summed = (int)threadIdx.x - ((int)blockDim.x - kWarp);
    if (summed >= 0 && summed < tile.queries()) {
        float sum = 0.f;
#pragma unroll 8
        for (int i = 0; i < count; i++) sum += memory.weights[summed][i];
        float* partial = args.partials + 2 * (tile.partial(args, summed) * args.blocks + block);
        partial[0] = memory.largest[summed];
        partial[1] = sum;
    }
}

// One dimension of query n. Partial results come from other thread blocks: __ldcg reads past this multiprocessor's own cache.
static __device__ __forceinline__ void combine(const AttentionArguments& args, const QueryTile& tile, int n, int d) {
    const int headDim = args.cache.page.headDim;
    const size_t query = tile.partial(args, n);
    const float* partials = args.partials + 2 * query * args.blocks;
    const float* partialOut = args.partialOut + query * args.blocks * headDim;
    const float sink = args.sinks[tile.head(n)];
    float largest = sink;
#pragma unroll 4
    for (int b = 0; b <= tile.lastBlock(); b++) {
        const float of = __ldcg(partials + 2 * b);
        largest = of > largest ? of : largest;
    }
    float total = sink == minusInfinity() ? 0.f : expOf(sink - largest);
    float out = 0.f;
#pragma unroll 4
    for (int b = 0; b <= tile.lastBlock(); b++) {
        const float of = __ldcg(partials + 2 * b);
        const float sum = __ldcg(partials + 2 * b + 1);
        const float value = __ldcg(partialOut + (size_t)b * headDim + d);
        const float factor = expOf(of - largest);
        total = of == minusInfinity() ? total : fmaf(sum, factor, total);
        out = of == minusInfinity() ? out : fmaf(value, factor, out);
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
static __device__ __forceinline__ void attend(const AttentionArguments& args, AttentionMemory& memory, StagedValues& staged) {
    const QueryTile tile(args);
    const int block = (int)blockIdx.z;
    if (tile.rows == 0 || block > tile.lastBlock()) return;
    const int count = listSlots(args.cache, tile, block, memory);
    loadQueries<TYPE>(args, tile, memory);
    __syncthreads();
    scoreSlots<TYPE>(args, tile.queries(), count, memory);
    __syncthreads();
    weighSlots(args, tile, count, memory);
    __syncthreads();
    addValues<TYPE>(args, tile, block, count, memory, staged);
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
    // Warps are whole: codes are wanted only where a head's size is a multiple of 32.
    const int headDim = args.cache.page.headDim;
    for (int i = (int)threadIdx.x; i < tile.queries() * headDim; i += (int)blockDim.x) combine(args, tile, i / headDim, i % headDim);
}

#define ATTENTION(name, TYPE)                                  \
    KERNEL(name, AttentionArguments, kAttentionThreads) {      \
        __shared__ AttentionMemory memory;                     \
        __shared__ StagedValues staged;                        \
        attend<TYPE>(args, memory, staged);                    \
    }
ATTENTION(attention_F32, kF32)
ATTENTION(attention_F16, kF16)
ATTENTION(attention_INT8, kInt8)
