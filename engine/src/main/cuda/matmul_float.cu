// out[j][n] = in[j] . weights[n] with float activations: in float[batch][columns], out float[batch][rows]. Float types, and block types
// dequantised. One lane an output row, one warp a segment of 1,024 along K, which is one serial chain of fma from +0; segments are added in
// ascending order. Grid (tiles of 32 rows, chunks of the batch).
// Versions: 1, this one: every weight is read once for 4 rows of the batch.
#include "matrix.cuh"

struct FloatMatmulArguments {
    Matrix weights;
    const float* in;
    float* out;
    int batch;
    int added;  // 1: out += the products
};

constexpr int kFloatBatch = 4;
constexpr int kFloatWarps = 8;

template <typename Format>
static __device__ __forceinline__ void multiplyFloats(
    const FloatMatmulArguments& args, float (*segments)[kFloatBatch][kWarp], float (*sums)[kWarp]) {
    const Matrix& m = args.weights;
    const int row = (int)blockIdx.x * kWarp + laneOf();
    const int safeRow = row < m.rows ? row : m.rows - 1;
    const int first = (int)blockIdx.y * kFloatBatch;
    const int rows = args.batch - first < kFloatBatch ? args.batch - first : kFloatBatch;
    const float* in = args.in + (size_t)first * m.columns;
    const int warps = (int)blockDim.x / kWarp;
    for (int start = 0; start < m.columns; start += warps * kSegment) {
        const int from = start + warpOf() * kSegment;
        const int to = from + kSegment < m.columns ? from + kSegment : m.columns;
        float acc[kFloatBatch] = {0.f, 0.f, 0.f, 0.f};
        for (int k = from; k < to; k++) {
            const float w = Format::weight(m, safeRow, k);
#pragma unroll
            for (int j = 0; j < kFloatBatch; j++) {
                if (j < rows) acc[j] = fmaf(w, in[(size_t)j * m.columns + k], acc[j]);
            }
        }
#pragma unroll
        for (int j = 0; j < kFloatBatch; j++) segments[warpOf()][j][laneOf()] = acc[j];
        __syncthreads();
        for (int j = warpOf(); j < kFloatBatch; j += warps) {
            for (int w = 0; w < warps && start + w * kSegment < m.columns; w++) {
                const float segment = segments[w][j][laneOf()];
                sums[j][laneOf()] = start + w == 0 ? segment : sums[j][laneOf()] + segment;
            }
        }
        __syncthreads();
    }
    if (row >= m.rows) return;
    for (int j = warpOf(); j < rows; j += warps) {
        float* out = args.out + (size_t)(first + j) * m.rows + row;
        *out = args.added ? *out + sums[j][laneOf()] : sums[j][laneOf()];
    }
}

#define FLOAT_MATMUL(Format)                                                  \
    KERNEL(floatMatmul_##Format, FloatMatmulArguments, kFloatWarps * kWarp) { \
        __shared__ float segments[kFloatWarps][kFloatBatch][kWarp];           \
        __shared__ float sums[kFloatBatch][kWarp];                            \
        multiplyFloats<Format>(args, segments, sums);                         \
    }
FLOAT_MATMUL(Q4_0)
FLOAT_MATMUL(Q4_1)
FLOAT_MATMUL(Q4_K)
FLOAT_MATMUL(Q5_1)
FLOAT_MATMUL(Q5_K)
FLOAT_MATMUL(Q6_K)
FLOAT_MATMUL(Q8_0)
FLOAT_MATMUL(F32)
FLOAT_MATMUL(F16)
FLOAT_MATMUL(BF16)
