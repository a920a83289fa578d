// What attention.cu and attention_shares.cu share: one thread block works on one reduction block (positions with equal position >> 8) of one KV
// head, for the query heads of its group in a few consecutive rows of one sequence.
#pragma once

#include "cache.cuh"

constexpr int kQueries = 8;  // most queries of a thread block
constexpr int kReductionShift = 8;
constexpr int kReductionSlots = 1 << kReductionShift;
constexpr int kQuad = 4;  // dimensions of a value that one thread adds up
constexpr int kAttentionThreads = kQueries * kMaxHeadDim / kQuad + kWarp;  // at most; at least 4 warps
constexpr int kPagesAtOnce = 16;
constexpr int kPagesOfWarp = 4;

static __device__ __forceinline__ float minusInfinity() { return __int_as_float((int)0xFF800000u); }

struct AttentionArguments {
    Cache cache;
    const float* q;  // float[numRows][numHeads][headDim]
    float* out;  // as q
    Codes codes;  // of out; null where headDim is not a multiple of 32, or none are wanted
    float* partialOut;  // float[rows of the launch][numHeads][blocks][headDim]: o_b
    float* partials;  // float[rows][numHeads][blocks][2]: m_b, l_b; m_b is minus infinity where no slot is visible
    float* totals;  // float[rows][numHeads][2]: M, L
    unsigned* arrived;  // [rows][chunks of KV heads]: thread blocks that are done; 0 before and after
    const int* profiled;  // int[numSequences][16], ProfiledTurn.java; null: no profile
    unsigned long long* statistics;
    int blocks;  // reduction blocks of the longest row
    int layer;
    int chunks;  // thread blocks per KV head: groups of more than kQueries heads are cut
    int firstRow;  // of the launch
    const float* sinks;  // float[numHeads]; minus infinity: none
    float scale;  // of a score
    int window;  // positions that a row sees, its own included
    float softCap;  // 0: none
};

// Shared memory of a thread block.
struct AttentionMemory {
    union {
        float values[kQueries][kMaxHeadDim];
        int codes[kQueries][kMaxHeadDim / 4];  // four a word
    } queries;
    float weights[kQueries][kReductionSlots];  // scores, then weights
    float valueScales[kReductionSlots];
    int slots[kReductionSlots];  // page * 32 + slot
    int positions[kReductionSlots];
    unsigned members[kPagesAtOnce];
    unsigned live[kPagesAtOnce];  // of positions in later blocks
    float queryScales[kQueries];
    float largest[kQueries];
    float means[kReductionSlots];
    int firstPage;
    int isLast;
};

// The queries of a thread block: heads [firstHead, firstHead + heads) of rows [firstRow, firstRow + rows).
struct QueryTile {
    int sequence;
    int kvHead;
    int firstRow;
    int rows;  // 0: none, another thread block has this row
    int firstHead;
    int heads;
    int firstPosition;  // that a row sees
    int lastPosition;

    __device__ explicit QueryTile(const AttentionArguments& args) {
        const Cache& cache = args.cache;
        const int group = cache.numHeads / cache.numKvHeads;
        const int chunk = (int)blockIdx.y % args.chunks;
        const int perChunk = (group + args.chunks - 1) / args.chunks;
        const int rowsAtOnce = kQueries / perChunk;
        firstRow = args.firstRow + (int)blockIdx.x;
        sequence = cache.rows[2 * firstRow];
        kvHead = (int)blockIdx.y / args.chunks;
        const int inSequence = firstRow - cache.sequences[2 * sequence];
        const int left = cache.sequences[2 * sequence + 1] - inSequence;
        rows = inSequence % rowsAtOnce != 0 ? 0 : left < rowsAtOnce ? left : rowsAtOnce;
        firstHead = kvHead * group + chunk * perChunk;
        heads = group - chunk * perChunk < perChunk ? group - chunk * perChunk : perChunk;
        firstPosition = cache.rows[2 * firstRow + 1] - (args.window - 1);
        lastPosition = cache.rows[2 * (firstRow + (rows > 0 ? rows : 1) - 1) + 1];
    }

    __device__ int queries() const { return rows * heads; }
    __device__ int row(int n) const { return firstRow + n / heads; }
    __device__ int head(int n) const { return firstHead + n % heads; }
    __device__ size_t index(const Cache& cache, int n) const { return (size_t)row(n) * cache.numHeads + head(n); }
    // Among the rows of the launch, and the few that its last tile has more.
    __device__ size_t partial(const AttentionArguments& args, int n) const {
        return (size_t)(row(n) - args.firstRow) * args.cache.numHeads + head(n);
    }
    __device__ int lastBlock() const { return lastPosition >> kReductionShift; }
};

static __device__ __forceinline__ const int* headOf(const Cache& cache, const QueryTile& tile) {
    return cache.heads + 4 * ((size_t)tile.sequence * cache.numKvHeads + tile.kvHead);
}

// Reduction block of the first live slot at or after a page of the table; the largest int where there is none.
static __device__ __forceinline__ int firstBlockFrom(const Cache& cache, const int* head, int page) {
    for (; page < head[1]; page++) {
        const int* entry = cache.entries + 2 * (head[0] + page);
        if (entry[1] == 0) continue;
        const uint8_t* at = cache.pool + (size_t)entry[0] * cache.page.pageBytes;
        return ((const int*)(at + cache.page.positions))[__ffs(entry[1]) - 1] >> kReductionShift;
    }
    return 0x7FFFFFFF;
}

// The first page that may hold slots of a block, in all lanes of a warp: positions ascend along the table, and 32 pages are tried at a time.
static __device__ __forceinline__ int findFirstPage(const Cache& cache, const int* head, int block) {
    int low = 0;
    // A full cache has the block's first page here; a compacted one has it before.
    int high = block * (kReductionSlots / kPageSlots);
    high = high < head[1] ? high : head[1];
    if (high > 0 && firstBlockFrom(cache, head, high) < block) high = head[1];
    while (low < high) {
        const int step = (high - low + kWarp - 1) / kWarp;
        const int page = low + laneOf() * step;
        const bool isBefore = page < high && firstBlockFrom(cache, head, page) < block;
        const int before = __popc(__ballot_sync(kAllLanes, isBefore));
        const int end = low + before * step;
        high = end < high ? end : high;
        low = before == 0 ? low : end - step + 1;
    }
    // The page before may end in this block.
    return low > 0 ? low - 1 : 0;
}

// Lists the live slots of a block that some row of the tile sees, in ascending position; returns how many. Ends with a barrier.
static __device__ __forceinline__ int listSlots(const Cache& cache, const QueryTile& tile, int block, AttentionMemory& memory) {
    const int* head = headOf(cache, tile);
    const int warps = (int)blockDim.x / kWarp;
    if (warpOf() == 0) {
        const int first = findFirstPage(cache, head, block);
        if (laneOf() == 0) memory.firstPage = first;
    }
    __syncthreads();
    int count = 0;
    bool isEnd = false;
    for (int first = memory.firstPage; first < head[1] && !isEnd; first += kPagesAtOnce) {
        const int pages = head[1] - first < kPagesAtOnce ? head[1] - first : kPagesAtOnce;
        // Each kind of load for all pages of the warp before the next one waits for it.
        int numbers[kPagesOfWarp];
        unsigned live[kPagesOfWarp];
        int positions[kPagesOfWarp];
        float scales[kPagesOfWarp];
#pragma unroll
        for (int k = 0; k < kPagesOfWarp; k++) {
            const int i = warpOf() + k * warps;
            const int* entry = cache.entries + 2 * (head[0] + first + i);
            numbers[k] = i < pages ? entry[0] : 0;
            live[k] = i < pages ? (unsigned)entry[1] >> laneOf() & 1u : 0u;
        }
#pragma unroll
        for (int k = 0; k < kPagesOfWarp; k++) {
            const uint8_t* page = cache.pool + (size_t)numbers[k] * cache.page.pageBytes;
            positions[k] = live[k] != 0 ? ((const int*)(page + cache.page.positions))[laneOf()] : 0;
        }
#pragma unroll
        for (int k = 0; k < kPagesOfWarp; k++) {
            const uint8_t* page = cache.pool + (size_t)numbers[k] * cache.page.pageBytes;
            const int of = positions[k] >> kReductionShift;
            const bool isMember = live[k] != 0 && of == block && positions[k] >= tile.firstPosition &&
                                  positions[k] <= tile.lastPosition;
            scales[k] = isMember && cache.page.type == kInt8 ? ((const float*)(page + cache.page.valueScales))[laneOf()] : 0.f;
            const unsigned members = __ballot_sync(kAllLanes, isMember);
            const unsigned later = __ballot_sync(kAllLanes, live[k] != 0 && of > block);
            const int i = warpOf() + k * warps;
            if (laneOf() == 0 && i < pages) {
                memory.members[i] = members;
                memory.live[i] = later;
            }
        }
        __syncthreads();
        int before = count;
        int next = 0;
#pragma unroll
        for (int k = 0; k < kPagesOfWarp; k++) {
            const int i = warpOf() + k * warps;
            if (i >= pages) continue;
            for (; next < i; next++) before += __popc(memory.members[next]);
            const unsigned members = memory.members[i];
            const int at = before + __popc(members & ((1u << laneOf()) - 1u));
            // Positions are unique, so there are never more; a broken table must not write elsewhere.
            if ((members >> laneOf() & 1u) != 0 && at < kReductionSlots) {
                memory.slots[at] = numbers[k] * kPageSlots + laneOf();
                memory.positions[at] = positions[k];
                if (cache.page.type == kInt8) memory.valueScales[at] = scales[k];
            }
        }
        for (int i = 0; i < pages; i++) {
            count += __popc(memory.members[i]);
            isEnd = isEnd || memory.live[i] != 0;
        }
        __syncthreads();
    }
    return count < kReductionSlots ? count : kReductionSlots;
}

// Queries to shared memory, for int8 caches quantised over the whole head. Needs a barrier after.
template <int TYPE>
static __device__ __forceinline__ void loadQueries(const AttentionArguments& args, const QueryTile& tile, AttentionMemory& memory) {
    const Page& page = args.cache.page;
    const int warps = (int)blockDim.x / kWarp;
    for (int n = warpOf(); n < tile.queries(); n += warps) {
        const float* q = args.q + tile.index(args.cache, n) * page.headDim;
        if constexpr (TYPE == kInt8) {
            int largest = 0;
            for (int d = laneOf(); d < page.headDim; d += kWarp) {
                const int bits = __float_as_int(q[d]) & kMagnitudeBits;
                largest = bits > largest ? bits : largest;
            }
            const Quantizer quantizer(warpMax(largest));
            for (int d = 4 * laneOf(); d < page.keyDim; d += 4 * kWarp) {
                unsigned codes = 0;
                for (int i = 0; i < 4 && d + i < page.headDim; i++) codes |= ((unsigned)quantizer.code(q[d + i]) & 0xFFu) << 8 * i;
                memory.queries.codes[n][d / 4] = (int)codes;
            }
            if (laneOf() == 0) memory.queryScales[n] = quantizer.scale * args.scale;
        } else {
            for (int d = laneOf(); d < page.headDim; d += kWarp) memory.queries.values[n][d] = q[d];
        }
    }
}

// cap * tanh(score / cap).
static __device__ __forceinline__ float capped(const AttentionArguments& args, float score) {
    if (args.softCap == 0.f) return score;
    return args.softCap * tanhOf(score / args.softCap);
}

// Scores of all listed slots, one thread a slot: serial chains over the head's dimensions, or exact integer dots. Needs a barrier after.
template <int TYPE>
static __device__ __forceinline__ void scoreSlots(const AttentionArguments& args, int queries, int count, AttentionMemory& memory) {
    const Cache& cache = args.cache;
    const Page& page = cache.page;
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) {
        const uint8_t* at = cache.pool + (size_t)(memory.slots[i] / kPageSlots) * page.pageBytes;
        const int slot = memory.slots[i] % kPageSlots;
        if constexpr (TYPE == kInt8) {
            const int* keys = (const int*)(at + page.keys) + keyIndex<kInt8>(page, slot, 0) / 4;
            int dots[kQueries] = {0, 0, 0, 0, 0, 0, 0, 0};
#pragma unroll 8
            for (int g = 0; g < page.keyDim / 4; g++) {
                const int key = keys[g * kTileSlots];
#pragma unroll
                for (int n = 0; n < kQueries; n++) {
                    if (n < queries) dots[n] = __dp4a(key, memory.queries.codes[n][g], dots[n]);
                }
            }
            const float keyScale = ((const float*)(at + page.keyScales))[slot];
#pragma unroll
            for (int n = 0; n < kQueries; n++) {
                if (n < queries) memory.weights[n][i] = capped(args, (float)dots[n] * memory.queryScales[n] * keyScale);
            }
        } else {
            using T = typename Element<TYPE>::Type;
            const T* keys = (const T*)(at + page.keys) + keyIndex<TYPE>(page, slot, 0);
            float dots[kQueries] = {0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f};
#pragma unroll 8
            for (int d = 0; d < page.headDim; d++) {
                const float key = widen(keys[d * kTileSlots]);
#pragma unroll
                for (int n = 0; n < kQueries; n++) {
                    if (n < queries) dots[n] = fmaf(memory.queries.values[n][d], key, dots[n]);
                }
            }
#pragma unroll
            for (int n = 0; n < kQueries; n++) {
                if (n < queries) memory.weights[n][i] = capped(args, dots[n] * args.scale);
            }
        }
    }
}

// Scores to weights exp(score - m_b), +0 where a slot is not visible to the query's row (no weight of a visible one is 0: exp is clamped). One
// warp a query. Needs a barrier before and after.
static __device__ __forceinline__ void weighSlots(const AttentionArguments& args, const QueryTile& tile, int count, AttentionMemory& memory) {
    const int warps = (int)blockDim.x / kWarp;
    for (int n = warpOf(); n < tile.queries(); n += warps) {
        const int position = args.cache.rows[2 * tile.row(n) + 1];
        const int first = position - (args.window - 1);
        float largest = minusInfinity();
        for (int i = laneOf(); i < count; i += kWarp) {
            const bool isVisible = memory.positions[i] >= first && memory.positions[i] <= position;
            if (isVisible && memory.weights[n][i] > largest) largest = memory.weights[n][i];
        }
        largest = warpMax(largest);
        for (int i = laneOf(); i < count; i += kWarp) {
            const bool isVisible = memory.positions[i] >= first && memory.positions[i] <= position;
            memory.weights[n][i] = isVisible ? expOf(memory.weights[n][i] - largest) : 0.f;
        }
        if (laneOf() == 0) memory.largest[n] = largest;
    }
}
