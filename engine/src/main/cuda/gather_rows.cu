// out[r] = x[indices[r]]; rows of float[width]. One thread an element, grid (chunks of a row, rows).
// Versions: 1, this one.
#include "device.cuh"

struct GatherRowsArguments {
    const float* x;
    const int* indices;
    float* out;
    int width;
};

KERNEL(gatherRows, GatherRowsArguments, 256) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= args.width) return;
    args.out[(size_t)blockIdx.y * args.width + i] = args.x[(size_t)args.indices[blockIdx.y] * args.width + i];
}
