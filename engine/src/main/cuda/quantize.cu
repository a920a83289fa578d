// int8 codes, scales and sums of blocks of 32 activations: values float[blocks][32], codes int8[blocks][32], scales float[blocks], sums
// int32[blocks]. One warp a block, one lane a value; maxima and sums are of integers, in any order.
#include "device.cuh"

struct QuantizeArguments {
    const float* values;
    int8_t* codes;
    float* scales;
    int* sums;
    int blocks;
};

KERNEL(quantize, QuantizeArguments, 256) {
    const int block = (int)(blockIdx.x * (blockDim.x / kWarp)) + warpOf();
    if (block >= args.blocks) return;
    const size_t at = (size_t)block * kBlock + laneOf();
    const float x = args.values[at];
    const Quantizer quantizer(warpMax(__float_as_int(x) & kMagnitudeBits));
    const int code = quantizer.code(x);
    args.codes[at] = (int8_t)code;
    const int sum = warpSum(code);
    if (laneOf() == 0) {
        args.scales[block] = quantizer.scale;
        args.sums[block] = sum;
    }
}
