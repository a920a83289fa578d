// out[j][n] = in[j] . weights[n] for up to 4 matrices of one block format and one K: codes int8[batch][K], scales float[batch][K / 32], sums
// int32[batch][K / 32], out float[batch][rows]; or out[j][n] += that, for the residual.
// A thread block makes 4 output rows of BATCH rows of the batch; a warp makes one segment of 1,024 along K at a time:
//   1. each lane loads its block of 32 of all weight rows and of the activations, all loads before the first use
//   2. exact integer sums by dp4a; v and scales go to shared memory
//   3. one lane per output walks the segment's blocks in ascending order: acc = fma(scale * s, v, acc), with a min fma(min, ss, acc)
//   4. segments are added in ascending order
// No split depends on the batch. Versions: 1, 32 output rows a thread block, each row's loads waiting for those of the row before: 30 us for
// 576 columns on an H200, however few the rows; 2, this one. Weights are read once for BATCH rows, 1 in the matrix-vector form and 8 in the
// matrix-matrix form; for larger batches, matmul_tensor.cu.
#pragma once

#include "matrix.cuh"

constexpr int kMaxMatrices = 4;
constexpr int kRows = 4;  // output rows of a thread block
constexpr int kMatmulWarps = 4;
constexpr int kPadded = kWarp + 1;  // blocks of a segment, without bank conflicts

struct MatmulArguments {
    Matrix weights[kMaxMatrices];
    float* outs[kMaxMatrices];
    int firstTiles[kMaxMatrices + 1];  // the matrix's first thread block along x, which makes kRows or kTileRows rows
    int batch;
    int added;  // 1: out += the products
    const int8_t* codes;
    const float* scales;
    const int* sums;
};

// Shared memory of one warp: what lanes computed by block, read by output.
template <int BATCH>
struct Products {
    float v[BATCH][kRows][kPadded];
    float scales[kRows][kPadded];
    float mins[kRows][kPadded];
    float s[BATCH][kPadded];
    float ss[BATCH][kPadded];
};

// Integer product of one block of weights and one of activations.
template <typename Format>
static __device__ __forceinline__ int blockProduct(const int* w, const int* a, int sum, int half0, int half1) {
    int d0 = 0;
    int d1 = 0;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        if constexpr (Format::kNibbles) {
            d0 = __dp4a(w[i] & 0x0F0F0F0F, a[i], d0);
            d1 = __dp4a((int)((uint32_t)w[i] >> 4) & 0x0F0F0F0F, a[i + 4], d1);
        } else {
            d0 = __dp4a(w[i], a[i], d0);
            d1 = __dp4a(w[i + 4], a[i + 4], d1);
        }
    }
    if constexpr (Format::kHalves) return half0 * d0 + half1 * d1;
    return d0 + d1 - Format::kZero * sum;
}

static __device__ __forceinline__ void loadInts(const void* from, int* to) {
    const int4 x = *(const int4*)from;
    to[0] = x.x;
    to[1] = x.y;
    to[2] = x.z;
    to[3] = x.w;
}

// Passes 1 to 3 of one segment; results[BATCH][kRows].
template <typename Format, int BATCH>
static __device__ __forceinline__ void multiplySegment(
    const MatmulArguments& args, const Matrix& m, int firstRow, int firstBatch, int batch, int segment,
    Products<BATCH>& products, float (*results)[kRows]) {
    const int blocks = m.columns / kBlock;
    const int firstBlock = segment * kWarp;
    const int count = blocks - firstBlock < kWarp ? blocks - firstBlock : kWarp;
    const int lane = laneOf();
    const bool active = lane < count;
    const int rows = m.rows - firstRow < kRows ? m.rows - firstRow : kRows;

    int w[kRows][8] = {};
    int halves[kRows][2] = {};
    float scales[kRows] = {};
    float mins[kRows] = {};
#pragma unroll
    for (int r = 0; r < kRows; r++) {
        if (!active || r >= rows) continue;
        const size_t at = (size_t)(firstRow + r) * blocks + firstBlock + lane;
        if constexpr (Format::kNibbles) {
            loadInts((const uint8_t*)m.codes + at * 16, w[r]);
        } else {
            loadInts((const int8_t*)m.codes + at * kBlock, w[r]);
            loadInts((const int8_t*)m.codes + at * kBlock + 16, w[r] + 4);
        }
        if constexpr (Format::kHalves) {
            halves[r][0] = m.halfScales[2 * at];
            halves[r][1] = m.halfScales[2 * at + 1];
        }
        scales[r] = Format::scale(m, at);
        if constexpr (Format::kMins) mins[r] = Format::min(m, at);
    }
    int a[BATCH][8] = {};
    int sums[BATCH] = {};
#pragma unroll
    for (int j = 0; j < BATCH; j++) {
        if (!active || j >= batch) continue;
        const size_t at = (size_t)(firstBatch + j) * blocks + firstBlock + lane;
        loadInts(args.codes + at * kBlock, a[j]);
        loadInts(args.codes + at * kBlock + 16, a[j] + 4);
        sums[j] = args.sums[at];
        products.s[j][lane] = args.scales[at];
        if constexpr (Format::kMins) products.ss[j][lane] = args.scales[at] * (float)sums[j];
    }
#pragma unroll
    for (int r = 0; r < kRows; r++) {
        if (!active || r >= rows) continue;
        products.scales[r][lane] = scales[r];
        if constexpr (Format::kMins) products.mins[r][lane] = mins[r];
#pragma unroll
        for (int j = 0; j < BATCH; j++) {
            if (j < batch) products.v[j][r][lane] = (float)blockProduct<Format>(w[r], a[j], sums[j], halves[r][0], halves[r][1]);
        }
    }
    __syncwarp();
    const int r = lane % kRows;
    const int j = lane / kRows;
    if (j < batch && r < rows) {
        float acc = 0.f;
#pragma unroll 8
        for (int b = 0; b < count; b++) {
            acc = fmaf(products.scales[r][b] * products.s[j][b], products.v[j][r][b], acc);
            if constexpr (Format::kMins) acc = fmaf(products.mins[r][b], products.ss[j][b], acc);
        }
        results[j][r] = acc;
    }
    __syncwarp();
}

template <typename Format, int BATCH>
static __device__ __forceinline__ void multiply(
    const MatmulArguments& args, Products<BATCH>* products, float (*segments)[BATCH][kRows], float (*sums)[kRows]) {
    int matrix = 0;
    while ((int)blockIdx.x >= args.firstTiles[matrix + 1]) matrix++;
    const Matrix& m = args.weights[matrix];
    const int firstRow = ((int)blockIdx.x - args.firstTiles[matrix]) * kRows;
    const int firstBatch = (int)blockIdx.y * BATCH;
    const int batch = args.batch - firstBatch < BATCH ? args.batch - firstBatch : BATCH;
    const int warps = (int)blockDim.x / kWarp;
    const int numSegments = (m.columns + kSegment - 1) / kSegment;
    for (int start = 0; start < numSegments; start += warps) {
        if (start + warpOf() < numSegments) {
            multiplySegment<Format, BATCH>(
                args, m, firstRow, firstBatch, batch, start + warpOf(), products[warpOf()], segments[warpOf()]);
        }
        __syncthreads();
        for (int i = (int)threadIdx.x; i < batch * kRows; i += (int)blockDim.x) {
            const int j = i / kRows;
            const int r = i % kRows;
            if (firstRow + r >= m.rows) continue;
            for (int w = 0; w < warps && start + w < numSegments; w++) {
                const float segment = segments[w][j][r];
                sums[j][r] = start + w == 0 ? segment : sums[j][r] + segment;
            }
        }
        __syncthreads();
    }
    for (int i = (int)threadIdx.x; i < batch * kRows; i += (int)blockDim.x) {
        const int j = i / kRows;
        const int row = firstRow + i % kRows;
        if (row >= m.rows) continue;
        float* out = args.outs[matrix] + (size_t)(firstBatch + j) * m.rows + row;
        *out = args.added ? *out + sums[j][i % kRows] : sums[j][i % kRows];
    }
}

#define MATMUL(name, Format, BATCH)                                  \
    KERNEL(name##_##Format, MatmulArguments, kMatmulWarps * kWarp) { \
        __shared__ Products<BATCH> products[kMatmulWarps];           \
        __shared__ float segments[kMatmulWarps][BATCH][kRows];       \
        __shared__ float sums[BATCH][kRows];                         \
        multiply<Format, BATCH>(args, products, segments, sums);     \
    }
#define MATMULS(Format)        \
    MATMUL(matvec, Format, 1)  \
    MATMUL(matmul, Format, 8)
MATMULS(Q4_0)
MATMULS(Q4_1)
MATMULS(Q4_K)
MATMULS(Q5_1)
MATMULS(Q5_K)
MATMULS(Q6_K)
MATMULS(Q8_0)
