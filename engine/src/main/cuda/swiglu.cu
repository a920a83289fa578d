// out = silu(gate) * up, silu(g) = g / (1 + exp(-g)); float[count] each, out may be gate; codes of out where wanted. One thread an element.
// Versions: 1, without codes; 2, this one.
#include "device.cuh"

struct SwiGluArguments {
    const float* gate;
    const float* up;
    float* out;
    Codes codes;
    int count;
};

KERNEL(swiGlu, SwiGluArguments, 256) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= args.count) return;
    const float g = args.gate[i];
    const float y = (g / (1.f + expOf(-g))) * args.up[i];
    args.out[i] = y;
    if (args.codes.codes != nullptr) quantizeBlock(args.codes, (size_t)i / kBlock, y);
}
