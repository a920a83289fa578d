// SPDX-License-Identifier: Apache-2.0
// Kernels with mistakes that the emulation must find; EmulationTest launches them. Compiled behind kernels.cu.
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

// Thread 0 of each warp writes a word that the other reads.
KERNEL(writeAfterRead, FaultArguments, 64) {
    __shared__ float shared[2];
    if (threadIdx.x < 2) shared[threadIdx.x] = 0.f;
    __syncthreads();
    if (threadIdx.x == 0) args.x[0] = shared[1];
    if (threadIdx.x == 32) shared[1] = 1.f;
}

KERNEL(readMisaligned, FaultArguments, 32) {
    if (threadIdx.x == 0) args.x[0] = *(const float*)((const char*)args.x + args.index);
}

// What nobody has written is poison, in shared memory and in device memory.
KERNEL(readUnwritten, FaultArguments, 32) {
    __shared__ int shared[1];
    if (threadIdx.x == 0) ((int*)args.x)[0] = shared[0];
}

// Half of a warp waits for the thread block, the other half for the warp.
KERNEL(waitForOthers, FaultArguments, 32) {
    if (laneOf() < 16) {
        __syncthreads();
    } else {
        __syncwarp();
    }
}

// d[lane][4] of 16 x 8 x 32: a[row][k] = row - k, b[k][column] = k + 3 * column, as bytes of lanes.
KERNEL(productOfTile, FaultArguments, 32) {
    const int lane = laneOf();
    int a[4] = {0, 0, 0, 0};
    int b[2] = {0, 0};
    for (int byte = 0; byte < 16; byte++) {
        const int row = lane / 4 + byte / 4 % 2 * 8;
        const int k = lane % 4 * 4 + byte % 4 + byte / 8 * 16;
        a[byte / 4] |= ((row - k) & 0xFF) << byte % 4 * 8;
    }
    for (int byte = 0; byte < 8; byte++) {
        const int k = lane % 4 * 4 + byte % 4 + byte / 4 * 16;
        b[byte / 4] |= ((k + 3 * (lane / 4)) & 0xFF) << byte % 4 * 8;
    }
    int d[4] = {0, 0, 0, 0};
    multiplyTile32(d, a, b);
    for (int i = 0; i < 4; i++) {
        const int row = lane / 4 + i / 2 * 8;
        const int column = lane % 4 * 2 + i % 2;
        ((int*)args.x)[row * 8 + column] = d[i];
    }
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
