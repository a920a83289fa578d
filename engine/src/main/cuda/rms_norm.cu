// out = (x * r) * weight per row, r = 1 / sqrt(sum of squares / width + eps); x, out float[rows][width], weight float[width].
// One block of 64 threads a row: thread t is lane t of the 64 chains over elements t, t + 64, ...; their sums meet in a tree.
#include "device.cuh"

struct RmsNormArguments {
    const float* x;
    const float* weight;
    float* out;
    float eps;
    int width;
};

KERNEL(rmsNorm, RmsNormArguments, 64) {
    __shared__ float sums[64];
    const int t = (int)threadIdx.x;
    const float* x = args.x + (size_t)blockIdx.x * args.width;
    float* out = args.out + (size_t)blockIdx.x * args.width;
    float sum = 0.f;
    for (int i = t; i < args.width; i += 64) sum = fmaf(x[i], x[i], sum);
    sums[t] = sum;
    for (int w = 32; w > 0; w /= 2) {
        __syncthreads();
        if (t < w) sums[t] += sums[t + w];
    }
    __syncthreads();
    const float scale = 1.f / sqrtf(sums[0] / (float)args.width + args.eps);
    for (int i = t; i < args.width; i += 64) out[i] = (x[i] * scale) * args.weight[i];
}
