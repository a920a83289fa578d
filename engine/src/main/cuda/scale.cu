// x *= factor, element by element; float[count]. One thread an element.
// Versions: 1, this one.
#include "device.cuh"

struct ScaleArguments {
    float* x;
    float factor;
    int count;
};

KERNEL(scale, ScaleArguments, 256) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < args.count) args.x[i] *= args.factor;
}
