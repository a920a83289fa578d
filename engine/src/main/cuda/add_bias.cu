// x += bias in each row; x float[rows][width], bias float[width]. One thread an element.
// Versions: 1, this one.
#include "device.cuh"

struct AddBiasArguments {
    float* x;
    const float* bias;
    int count;  // rows * width
    int width;
};

KERNEL(addBias, AddBiasArguments, 256) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < args.count) args.x[i] += args.bias[i % args.width];
}
