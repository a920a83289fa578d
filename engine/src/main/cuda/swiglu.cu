// out = silu(gate) * up, silu(g) = g / (1 + exp(-g)); float[count] each, out may be gate. One thread an element.
#include "device.cuh"

struct SwiGluArguments {
    const float* gate;
    const float* up;
    float* out;
    int count;
};

KERNEL(swiGlu, SwiGluArguments, 256) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= args.count) return;
    const float g = args.gate[i];
    args.out[i] = (g / (1.f + expOf(-g))) * args.up[i];
}
