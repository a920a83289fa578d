// int8 codes, scales and sums of blocks of 32 activations: values float[blocks][32], codes int8[blocks][32], scales float[blocks], sums
// int32[blocks]. One warp a block, one lane a value; maxima and sums are of integers, in any order.
// Versions: 1, this one; in a layer rms_norm.cu, attention.cu and swiglu.cu quantise on their way.
#include "device.cuh"

struct QuantizeArguments {
    const float* values;
    Codes out;
    int blocks;
};

KERNEL(quantize, QuantizeArguments, 256) {
    const int block = (int)(blockIdx.x * (blockDim.x / kWarp)) + warpOf();
    if (block >= args.blocks) return;
    quantizeBlock(args.out, (size_t)block, args.values[(size_t)block * kBlock + laneOf()]);
}
