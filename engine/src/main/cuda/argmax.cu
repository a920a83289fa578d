// Index of the largest value of each row, the lowest on ties; -1 if a value of the row is not finite. x float[rows][width], out int[rows].
// One block a row; comparisons only, so that the order in which candidates meet does not matter.
// Versions: 1, this one.
#include "device.cuh"

struct ArgmaxArguments {
    const float* x;
    int* out;
    int width;
};

constexpr int kArgmaxThreads = 512;

static __device__ __forceinline__ void keepLarger(float& value, int& index, float otherValue, int otherIndex) {
    if (otherValue > value || (otherValue == value && otherIndex < index)) {
        value = otherValue;
        index = otherIndex;
    }
}

KERNEL(argmax, ArgmaxArguments, kArgmaxThreads) {
    __shared__ float values[kArgmaxThreads / kWarp];
    __shared__ int indices[kArgmaxThreads / kWarp];
    __shared__ int faults[kArgmaxThreads / kWarp];
    const float* x = args.x + (size_t)blockIdx.x * args.width;
    float value = 0.f;
    int index = 0x7FFFFFFF;
    int fault = 0;
    for (int i = (int)threadIdx.x; i < args.width; i += (int)blockDim.x) {
        fault |= !isFinite(x[i]);
        if (index == 0x7FFFFFFF || x[i] > value) {
            value = x[i];
            index = i;
        }
    }
    if (index == 0x7FFFFFFF) value = -0x1.fffffep127f;
    for (int with = kWarp / 2; with > 0; with /= 2) {
        const float otherValue = __shfl_xor_sync(kAllLanes, value, with);
        const int otherIndex = __shfl_xor_sync(kAllLanes, index, with);
        keepLarger(value, index, otherValue, otherIndex);
        fault |= __shfl_xor_sync(kAllLanes, fault, with);
    }
    if (laneOf() == 0) {
        values[warpOf()] = value;
        indices[warpOf()] = index;
        faults[warpOf()] = fault;
    }
    __syncthreads();
    if (threadIdx.x != 0) return;
    for (int w = 1; w < (int)blockDim.x / kWarp; w++) {
        keepLarger(value, index, values[w], indices[w]);
        fault |= faults[w];
    }
    args.out[blockIdx.x] = fault ? -1 : index;
}
