// out = (x * r) * weight per row, r = 1 / sqrt(sum of squares / width + eps); x, out float[rows][width], weight float[width]; codes of out
// where wanted.
// One thread block a row: thread t < 64 is lane t of the 64 chains over elements t, t + 64, ...; their sums meet in a tree. Then one warp a block
// of 32 elements.
// Versions: 1, the norm alone; 2, this one: codes on the way.
#include "device.cuh"

struct RmsNormArguments {
    const float* x;
    const float* weight;
    float* out;
    Codes codes;
    float eps;
    int width;
};

constexpr int kChains = 64;

KERNEL(rmsNorm, RmsNormArguments, 128) {
    __shared__ float sums[kChains];
    const int t = (int)threadIdx.x;
    const float* x = args.x + (size_t)blockIdx.x * args.width;
    float* out = args.out + (size_t)blockIdx.x * args.width;
    if (t < kChains) {
        float sum = 0.f;
        for (int i = t; i < args.width; i += kChains) sum = fmaf(x[i], x[i], sum);
        sums[t] = sum;
    }
    for (int w = kChains / 2; w > 0; w /= 2) {
        __syncthreads();
        if (t < w) sums[t] += sums[t + w];
    }
    __syncthreads();
    const float scale = 1.f / sqrtf(sums[0] / (float)args.width + args.eps);
    for (int i = t; i < args.width; i += (int)blockDim.x) {
        const float y = (x[i] * scale) * args.weight[i];
        out[i] = y;
        if (args.codes.codes != nullptr) quantizeBlock(args.codes, ((size_t)blockIdx.x * args.width + i) / kBlock, y);
    }
}
