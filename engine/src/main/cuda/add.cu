// x += y, element by element; float[count] each. One thread an element.
#include "device.cuh"

struct AddArguments {
    float* x;
    const float* y;
    int count;
};

KERNEL(add, AddArguments, 256) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < args.count) args.x[i] += args.y[i];
}
