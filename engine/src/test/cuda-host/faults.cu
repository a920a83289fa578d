// Kernels with mistakes that the emulation must find; EmulationTest launches them.
#include "../../main/cuda/device.cuh"

struct FaultArguments {
    float* x;
    int index;
};

KERNEL(writeAt, FaultArguments, 32) {
    if (threadIdx.x == 0) args.x[args.index] = 1.f;
}

KERNEL(readWithoutBarrier, FaultArguments, 64) {
    __shared__ float shared[64];
    shared[threadIdx.x] = 1.f;
    args.x[threadIdx.x] = shared[63 - threadIdx.x];
}

KERNEL(readAfterWarpBarrier, FaultArguments, 32) {
    __shared__ float shared[32];
    shared[threadIdx.x] = 1.f;
    __syncwarp();
    args.x[threadIdx.x] = shared[31 - threadIdx.x];
}

KERNEL(sumOfWarp, FaultArguments, 64) {
    args.x[threadIdx.x] = (float)warpSum((int)threadIdx.x);
}
