// Rows of an embedding table, dequantised: tokens int[rows], out float[rows][columns]. One thread an element, grid (chunks of a row, rows).
// The product of scale and code is exact; adding a minimum rounds once.
// Versions: 1, this one.
#include "matrix.cuh"

struct EmbedArguments {
    Matrix table;
    const int* tokens;
    float* out;
};

template <typename Format>
static __device__ __forceinline__ void embedElement(const EmbedArguments& args) {
    const int k = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (k >= args.table.columns) return;
    args.out[(size_t)blockIdx.y * args.table.columns + k] = Format::weight(args.table, args.tokens[blockIdx.y], k);
}

#define EMBED(Format) \
    KERNEL(embed_##Format, EmbedArguments, 256) { embedElement<Format>(args); }
EMBED(Q4_0)
EMBED(Q4_1)
EMBED(Q4_K)
EMBED(Q5_1)
EMBED(Q5_K)
EMBED(Q6_K)
EMBED(Q8_0)
EMBED(F32)
EMBED(F16)
EMBED(BF16)
