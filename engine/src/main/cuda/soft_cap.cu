// x = cap * tanh(x / cap), element by element; float[count]. One thread an element.
// Versions: 1, this one.
#include "device.cuh"

struct SoftCapArguments {
    float* x;
    float cap;
    int count;
};

KERNEL(softCap, SoftCapArguments, 256) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < args.count) args.x[i] = args.cap * tanhOf(args.x[i] / args.cap);
}
