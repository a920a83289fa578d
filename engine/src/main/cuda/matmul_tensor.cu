// The products of matmul.cu for more than 8 rows of the batch, on integer tensor cores; the same arguments.
// A thread block makes 32 output rows of 64 rows of the batch. Its 4 warps take 16 output rows each, and every other tile of 8 rows of the
// batch. Blocks of 32 along K are walked in ascending order:
//   1. 8 blocks of the weights and of the batch's activations go to shared memory, in wide loads: codes, scales, mins, sums
//   2. per block and tile one mma of 16 x 8 x 32 gives the exact integer sums of 16 output rows; each lane gets 4 of them
//   3. acc = fma(scale * s, v, acc), with a min fma(min, ss, acc), in the lane's registers
//   4. after each segment of 1,024: y = y + acc
// Q6_K needs the sums of both halves of a block: two mma of 16 x 8 x 16.
// mma starts from 2^23 + 2^22 as an integer, less zero * sum, and the result is read as a float: 1.5 * 2^23 + v, exact while |v| < 2^22. That
// saves converting each sum; those of Q6_K are larger and are converted.
// Versions: 1, dp4a (matmul.cu); 2, mma, each lane reading its weights for itself, so that two warps read each; 3, weights are staged,
// each is read once for 64 rows; 4, this one: twice as many blocks at once, half as many waits. Not yet: copies ahead of their use, several
// tiles of output rows a warp.
#include "matmul.cu"

constexpr int kTileRows = 32;  // output rows of a thread block
constexpr int kTensorBatch = 64;
constexpr int kTensorTile = 8;  // rows of the batch of one mma
constexpr int kTensorTiles = kTensorBatch / kTensorTile / 2;  // of a warp
constexpr int kTensorBlocks = 8;  // of K, staged at once
constexpr int kTensorStride = kTensorBlocks * 8 + 4;  // words of a staged row, without bank conflicts
constexpr int kMagic = 0x4B400000;  // 1.5 * 2^23 as float

struct TensorMemory {
    int codes[kTensorBatch][kTensorStride];
    float scales[kTensorBlocks][kTensorBatch];
    float sums[kTensorBlocks][kTensorBatch];  // s * sum
    int starts[kTensorBlocks][kTensorBatch];  // what mma starts from
    int weights[kTileRows][kTensorStride];  // codes of the output rows; nibbles as they are stored, in half of it
    float weightScales[kTensorBlocks][kTileRows];
    float weightMins[kTensorBlocks][kTileRows];
    int weightHalves[kTensorBlocks][kTileRows][2];
};

// d += a . b over 32, or over 16, of K: a 16 output rows, b 8 rows of the batch. Lane l has of a rows l / 4 and l / 4 + 8, of b row l / 4, each
// four of K from 4 * (l % 4) and, from 16 on, the same; of d output rows l / 4 and l / 4 + 8, rows 2 * (l % 4) and one more of the batch.
static __device__ __forceinline__ void multiplyTile32(int* d, const int* a, const int* b) {
#ifdef __CUDACC__
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    emulatedMma(d, a, b, 2);
#endif
}

static __device__ __forceinline__ void multiplyTile16(int* d, const int* a, const int* b) {
#ifdef __CUDACC__
    asm("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(b[0]));
#else
    emulatedMma(d, a, b, 1);
#endif
}

// Blocks [first, first + count) of the batch's rows.
template <typename Format>
static __device__ __forceinline__ void stageBatch(
    const MatmulArguments& args, int firstBatch, int batch, int blocks, int first, int count, TensorMemory& memory) {
#pragma unroll 4
    for (int i = (int)threadIdx.x; i < batch * count * 2; i += (int)blockDim.x) {
        const int j = i / (count * 2);
        const int quarter = i % (count * 2);
        const size_t at = (size_t)(firstBatch + j) * blocks + first;
        loadInts(args.codes + at * kBlock + quarter * 16, &memory.codes[j][quarter * 4]);
    }
#pragma unroll 4
    for (int i = (int)threadIdx.x; i < batch * count; i += (int)blockDim.x) {
        const int j = i % batch;
        const int b = i / batch;
        const size_t at = (size_t)(firstBatch + j) * blocks + first + b;
        const float scale = args.scales[at];
        const int sum = args.sums[at];
        memory.scales[b][j] = scale;
        memory.starts[b][j] = Format::kHalves ? 0 : kMagic - Format::kZero * sum;
        if constexpr (Format::kMins) memory.sums[b][j] = scale * (float)sum;
    }
}

// The same blocks of the output rows [firstRow, firstRow + 32), as far as the matrix has them.
template <typename Format>
static __device__ __forceinline__ void stageWeights(const Matrix& m, int firstRow, int first, int count, TensorMemory& memory) {
    const int blocks = m.columns / kBlock;
    const int rows = m.rows - firstRow < kTileRows ? m.rows - firstRow : kTileRows;
    const int quarters = count * (Format::kNibbles ? 1 : 2);
#pragma unroll 4
    for (int i = (int)threadIdx.x; i < rows * quarters; i += (int)blockDim.x) {
        const int r = i / quarters;
        const int quarter = i % quarters;
        const size_t at = (size_t)(firstRow + r) * blocks + first;
        const auto* codes = (const uint8_t*)m.codes + at * (Format::kNibbles ? kBlock / 2 : kBlock);
        loadInts(codes + quarter * 16, &memory.weights[r][quarter * 4]);
    }
    for (int i = (int)threadIdx.x; i < rows * count; i += (int)blockDim.x) {
        const int r = i / count;
        const int b = i % count;
        const size_t at = (size_t)(firstRow + r) * blocks + first + b;
        memory.weightScales[b][r] = Format::scale(m, at);
        if constexpr (Format::kMins) memory.weightMins[b][r] = Format::min(m, at);
        if constexpr (Format::kHalves) {
            memory.weightHalves[b][r][0] = m.halfScales[2 * at];
            memory.weightHalves[b][r][1] = m.halfScales[2 * at + 1];
        }
    }
}

// A staged block of two output rows: what this lane gives to mma, and the rows' factors. Rows behind the matrix give anything: their
// results are not stored.
template <typename Format>
struct WeightFragment {
    int codes[4];
    float scales[2];
    float mins[2];
    int halves[2][2];

    __device__ __forceinline__ WeightFragment(const TensorMemory& memory, int row, int block) {
        const int quarter = laneOf() % 4;
#pragma unroll
        for (int i = 0; i < 2; i++) {
            const int r = row + 8 * i;
            if constexpr (Format::kNibbles) {
                const int pairs = memory.weights[r][block * 4 + quarter];
                codes[i] = pairs & 0x0F0F0F0F;
                codes[2 + i] = (int)((uint32_t)pairs >> 4) & 0x0F0F0F0F;
            } else {
                codes[i] = memory.weights[r][block * 8 + quarter];
                codes[2 + i] = memory.weights[r][block * 8 + 4 + quarter];
            }
            scales[i] = memory.weightScales[block][r];
            if constexpr (Format::kMins) mins[i] = memory.weightMins[block][r];
            if constexpr (Format::kHalves) {
                halves[i][0] = memory.weightHalves[block][r][0];
                halves[i][1] = memory.weightHalves[block][r][1];
            }
        }
    }
};

template <typename Format>
static __device__ __forceinline__ void addBlock(
    const WeightFragment<Format>& weights, const TensorMemory& memory, int block, int tile, float* acc) {
    const int quarter = laneOf() % 4;
    const int* codes = &memory.codes[tile * kTensorTile + laneOf() / 4][block * 8 + quarter];
    const int inputs[2] = {codes[0], codes[4]};
    const int column = tile * kTensorTile + 2 * quarter;
    int d[4];
    int upper[4] = {0, 0, 0, 0};
#pragma unroll
    for (int i = 0; i < 4; i++) d[i] = memory.starts[block][column + i % 2];
    if constexpr (Format::kHalves) {
        multiplyTile16(d, weights.codes, inputs);
        multiplyTile16(upper, weights.codes + 2, inputs + 1);
    } else {
        multiplyTile32(d, weights.codes, inputs);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const int r = i / 2;
        float v;
        if constexpr (Format::kHalves) {
            v = (float)(weights.halves[r][0] * d[i] + weights.halves[r][1] * upper[i]);
        } else {
            v = __int_as_float(d[i]) - __int_as_float(kMagic);
        }
        acc[i] = fmaf(weights.scales[r] * memory.scales[block][column + i % 2], v, acc[i]);
        if constexpr (Format::kMins) acc[i] = fmaf(weights.mins[r], memory.sums[block][column + i % 2], acc[i]);
    }
}

template <typename Format>
static __device__ __forceinline__ void multiplyOnTensorCores(const MatmulArguments& args, TensorMemory& memory) {
    int matrix = 0;
    while ((int)blockIdx.x >= args.firstTiles[matrix + 1]) matrix++;
    const Matrix& m = args.weights[matrix];
    const int blocks = m.columns / kBlock;
    const int firstBatch = (int)blockIdx.y * kTensorBatch;
    const int batch = args.batch - firstBatch < kTensorBatch ? args.batch - firstBatch : kTensorBatch;
    const int firstRow = ((int)blockIdx.x - args.firstTiles[matrix]) * kTileRows;
    const int ownRow = warpOf() % 2 * 16 + laneOf() / 4;  // of the block's, and the one 8 after it
    const int firstTile = warpOf() / 2;

    float acc[kTensorTiles][4];
    float y[kTensorTiles][4];
#pragma unroll
    for (int t = 0; t < kTensorTiles; t++) {
#pragma unroll
        for (int i = 0; i < 4; i++) acc[t][i] = y[t][i] = 0.f;
    }
    for (int first = 0; first < blocks; first += kTensorBlocks) {
        const int count = blocks - first < kTensorBlocks ? blocks - first : kTensorBlocks;
        __syncthreads();
        stageBatch<Format>(args, firstBatch, batch, blocks, first, count, memory);
        stageWeights<Format>(m, firstRow, first, count, memory);
        __syncthreads();
        for (int b = 0; b < count; b++) {
            const WeightFragment<Format> weights(memory, ownRow, b);
#pragma unroll
            for (int t = 0; t < kTensorTiles; t++) {
                const int tile = firstTile + 2 * t;
                if (tile * kTensorTile < batch) addBlock(weights, memory, b, tile, acc[t]);
            }
        }
        const int end = first + count;
        if (end % kWarp != 0 && end < blocks) continue;
        // A segment ends.
#pragma unroll
        for (int t = 0; t < kTensorTiles; t++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                y[t][i] = end <= kWarp ? acc[t][i] : y[t][i] + acc[t][i];
                acc[t][i] = 0.f;
            }
        }
    }
#pragma unroll
    for (int t = 0; t < kTensorTiles; t++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int j = (firstTile + 2 * t) * kTensorTile + 2 * (laneOf() % 4) + i % 2;
            const int row = firstRow + ownRow + i / 2 * 8;
            if (j >= batch || row >= m.rows) continue;
            float* out = args.outs[matrix] + (size_t)(firstBatch + j) * m.rows + row;
            *out = args.added ? *out + y[t][i] : y[t][i];
        }
    }
}

#define TENSOR_MATMUL(Format)                                               \
    KERNEL(tensorMatmul_##Format, MatmulArguments, kMatmulWarps * kWarp) {  \
        __shared__ TensorMemory memory;                                     \
        multiplyOnTensorCores<Format>(args, memory);                        \
    }
TENSOR_MATMUL(Q4_0)
TENSOR_MATMUL(Q4_1)
TENSOR_MATMUL(Q4_K)
TENSOR_MATMUL(Q5_1)
TENSOR_MATMUL(Q5_K)
TENSOR_MATMUL(Q6_K)
TENSOR_MATMUL(Q8_0)
