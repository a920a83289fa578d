// out = function(gate) * up; float[count] each, out may be gate; codes of out where wanted. One thread an element.
//   swiGlu: silu(g) = g / (1 + exp(-g)); geGlu: GELU in its tanh form.
// Versions: 1, without codes; 2, this one.
#include "device.cuh"

struct GatedProductArguments {
    const float* gate;
    const float* up;
    float* out;
    Codes codes;
    int count;
};

static __device__ __forceinline__ float siluOf(float x) { return x / (1.f + expOf(-x)); }

static __device__ __forceinline__ float geluTanhOf(float x) {
    const float inner = fmaf(x * x * 0.044715f, x, x);
    return 0.5f * x * (1.f + tanhOf(0x1.988454p-1f * inner));
}

#define GATED_PRODUCT(name, function)                                                 \
    KERNEL(name, GatedProductArguments, 256) {                                        \
        const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);                   \
        if (i >= args.count) return;                                                  \
        const float y = function(args.gate[i]) * args.up[i];                          \
        args.out[i] = y;                                                              \
        if (args.codes.codes != nullptr) quantizeBlock(args.codes, (size_t)i / kBlock, y); \
    }
GATED_PRODUCT(swiGlu, siluOf)
GATED_PRODUCT(geGlu, geluTanhOf)
