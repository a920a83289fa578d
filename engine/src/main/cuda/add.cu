// x += y, element by element; float[count] each. One thread an element.
// Versions: 1, this one. In a layer the products add to the residual by themselves (matmul.cu).
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
