// What attention of one layer says of the slots, after attention.cu: A = (w * e_b) / L, the softmax of a query head over its visible slots.
//   scores      float[pages][32], of heads with a score mode: 1: += mean over the group's heads, added up in ascending order; 2: largest A
//   statistics  of profiled sequences, F = rint(A * 2^30) in int64 and largest A by bits; ProfiledTurn.java says what is added where
// Weights are computed again, with the same bits, from the same lists. Grid and tiles as attention.cu; thread blocks without a score mode and a
// profile end at once. Integer sums and maxima are atomic: their order does not matter. A slot's score has one writer: such sequences have one
// row, and groups of more than 8 heads are walked by one thread block for all their chunks.
// Versions: 1, this one: costs as much as attention again, for the prompts and heads that are measured.
#include "attention.cuh"

constexpr int kScoreSum = 1;

// int[16] of a sequence in AttentionArguments.profiled.
struct Turn {
    int profiled;
    int firstColumn;
    int columns;
    int firstSumRow;
    int peakDistance;
    int firstPeakRow;
    int firstMassRow;
    int lanes;
    int numWindows;
    int windows[4];
    int offsetLow;
    int offsetHigh;
    int areaLongs;
};

struct Statistics {
    const Turn& turn;
    unsigned long long* sums;
    unsigned long long* peaks;
    unsigned long long* far;
    unsigned long long* near;
    unsigned long long* frozen;

    __device__ Statistics(const AttentionArguments& args, const Turn& turn, int kvHead) : turn(turn) {
        const unsigned long long offset = (unsigned long long)(unsigned)turn.offsetHigh << 32 | (unsigned)turn.offsetLow;
        const size_t head = (size_t)args.layer * args.cache.numKvHeads + kvHead;
        sums = args.statistics + offset + head * turn.areaLongs;
        peaks = sums + (turn.firstSumRow != 0x7FFFFFFF ? turn.columns : 0);
        far = peaks + (turn.peakDistance >= 0 ? turn.columns : 0);
        near = far + (size_t)turn.numWindows * turn.lanes * turn.columns;
        frozen = near + (size_t)turn.numWindows * turn.lanes;
    }

    __device__ void add(int row, int position, int lane, float share) const {
        const int column = position - turn.firstColumn;
        if (row < turn.firstColumn || column >= turn.columns) return;
        const int distance = row - position;
        const unsigned long long fixed = (unsigned long long)__float2ll_rn(share * 0x1p30f);
        if (column >= 0 && turn.firstSumRow != 0x7FFFFFFF && row >= turn.firstSumRow) atomicAdd(sums + column, fixed);
        if (column >= 0 && turn.peakDistance >= 0 && row >= turn.firstPeakRow && distance >= turn.peakDistance) {
            atomicMax(peaks + column, (unsigned long long)(unsigned)__float_as_int(share));
        }
        if (turn.numWindows > 0 && row >= turn.firstMassRow) addMass(turn.lanes == 1 ? 0 : lane, column, distance, fixed);
    }

    __device__ void addMass(int lane, int column, int distance, unsigned long long fixed) const {
        if (column < 0) {
            atomicAdd(frozen + lane, fixed);
            return;
        }
        for (int w = 0; w < turn.numWindows; w++) {
            unsigned long long* at = distance < turn.windows[w]
                                         ? near + w * turn.lanes + lane
                                         : far + ((size_t)w * turn.lanes + lane) * turn.columns + column;
            atomicAdd(at, fixed);
        }
    }
};

// Weights of the tile's queries to their shares of attention, in place. Needs a barrier before and after.
static __device__ __forceinline__ void share(const AttentionArguments& args, const QueryTile& tile, int count, AttentionMemory& memory) {
    const int warps = (int)blockDim.x / kWarp;
    for (int n = warpOf(); n < tile.queries(); n += warps) {
        const float* total = args.totals + 2 * tile.partial(args, n);
        const float factor = expOf(memory.largest[n] - total[0]);
        for (int i = laneOf(); i < count; i += kWarp) {
            if (memory.weights[n][i] != 0.f) memory.weights[n][i] = (memory.weights[n][i] * factor) / total[1];
        }
    }
}

template <int TYPE>
static __device__ __forceinline__ void shares(const AttentionArguments& args, AttentionMemory& memory) {
    QueryTile tile(args);
    const Cache& cache = args.cache;
    const int block = (int)blockIdx.z;
    if (tile.rows == 0 || block > tile.lastBlock() || (int)blockIdx.y % args.chunks != 0) return;
    const int mode = headOf(cache, tile)[3];
    const Turn* turn = args.profiled == nullptr ? nullptr : (const Turn*)args.profiled + tile.sequence;
    const bool profiled = turn != nullptr && turn->profiled != 0;
    if (mode == 0 && !profiled) return;
    const int group = cache.numHeads / cache.numKvHeads;
    const int perChunk = tile.heads;
    const int count = listSlots(cache, tile, block, memory);
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) memory.means[i] = 0.f;
    for (int first = tile.firstHead; first < (tile.kvHead + 1) * group; first += perChunk) {
        tile.firstHead = first;
        tile.heads = (tile.kvHead + 1) * group - first < perChunk ? (tile.kvHead + 1) * group - first : perChunk;
        __syncthreads();
        loadQueries<TYPE>(args, tile, memory);
        __syncthreads();
        scoreSlots<TYPE>(args, tile.queries(), count, memory);
        __syncthreads();
        weighSlots(args, tile, count, memory);
        __syncthreads();
        share(args, tile, count, memory);
        __syncthreads();
        for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) {
            float mean = memory.means[i];
            for (int n = 0; n < tile.queries(); n++) {
                const float of = memory.weights[n][i];
                const int row = cache.rows[2 * tile.row(n) + 1];
                if (memory.positions[i] > row) continue;
                if (mode == kScoreSum) {
                    mean += of;
                } else {
                    mean = of > mean ? of : mean;
                }
                if (profiled) Statistics(args, *turn, tile.kvHead).add(row, memory.positions[i], tile.head(n) - tile.kvHead * group, of);
            }
            memory.means[i] = mean;
        }
    }
    if (mode == 0) return;
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) {
        const float mean = memory.means[i];
        float* score = cache.scores + memory.slots[i];
        *score = mode == kScoreSum ? *score + mean / (float)group : mean > *score ? mean : *score;
    }
}

#define SHARES(name, TYPE)                                \
    KERNEL(name, AttentionArguments, kAttentionThreads) { \
        __shared__ AttentionMemory memory;                \
        shares<TYPE>(args, memory);                       \
    }
SHARES(attentionShares_F32, kF32)
SHARES(attentionShares_F16, kF16)
SHARES(attentionShares_INT8, kInt8)
