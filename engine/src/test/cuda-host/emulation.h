// SPDX-License-Identifier: Apache-2.0
// CUDA C++ as g++ sees it: kernels compiled with this header first (-include) run on fibers, one per GPU thread, under launch.cpp.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "thread.h"

#define __global__
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(threads)
// One section for all shared variables: launch.cpp poisons it before each block and checks accesses to it for races.
#define __shared__ static __attribute__((section("emulated_shared"), aligned(16)))

struct alignas(8) int2 {
    int x, y;
};

struct alignas(16) int4 {
    int x, y, z, w;
};

#define threadIdx (emulation::emulatedThread->thread)
#define blockIdx (emulation::emulatedThread->block)
#define blockDim (emulation::emulatedThread->blockSize)
#define gridDim (emulation::emulatedThread->gridSize)

#define NOT_CHECKED __attribute__((noinline, no_sanitize("thread")))

static inline void __syncthreads() { emulation::emulatedBarrier(); }
static inline void __syncwarp() { emulation::emulatedWarpBarrier(); }
static inline void __threadfence() {}

static inline uint32_t emulatedBits(float x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, 4);
    return bits;
}

static inline float __int_as_float(int bits) {
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
}

static inline int __float_as_int(float x) { return (int)emulatedBits(x); }

static inline float __shfl_sync(unsigned, float x, int lane) {
    return __int_as_float((int)emulation::emulatedShuffle(emulatedBits(x), (unsigned)lane));
}
static inline int __shfl_sync(unsigned, int x, int lane) {
    return (int)emulation::emulatedShuffle((uint32_t)x, (unsigned)lane);
}
static inline float __shfl_xor_sync(unsigned mask, float x, int with) {
    return __shfl_sync(mask, x, (int)(threadIdx.x % 32) ^ with);
}
static inline int __shfl_xor_sync(unsigned mask, int x, int with) {
    return __shfl_sync(mask, x, (int)(threadIdx.x % 32) ^ with);
}
static inline unsigned __ballot_sync(unsigned, int predicate) { return emulation::emulatedBallot(predicate); }

static inline float __ldcg(const float* at) { return *at; }

static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }

static inline int __dp4a(int a, int b, int sum) {
    for (int i = 0; i < 32; i += 8) sum += (int)(int8_t)(a >> i) * (int)(int8_t)(b >> i);
    return sum;
}

// mma of 16 x 8 x (16 * halves) on int8: fragments as in the PTX manual, a halves * 2 words, b halves words, d 4 sums of this lane.
NOT_CHECKED static void emulatedMma(int* d, const int* a, const int* b, int halves) {
    uint32_t own[emulation::kExchanged] = {};
    for (int i = 0; i < 2 * halves; i++) own[i] = (uint32_t)a[i];
    for (int i = 0; i < halves; i++) own[4 + i] = (uint32_t)b[i];
    const uint32_t* lanes = emulation::emulatedExchange(own, emulation::kExchanged);
    const int lane = (int)(threadIdx.x % 32);
    for (int i = 0; i < 4; i++) {
        const int column = lane % 4 * 2 + i % 2;
        for (int half = 0; half < halves; half++) {
            for (int quarter = 0; quarter < 4; quarter++) {
                const uint32_t* rowLane = lanes + (lane / 4 * 4 + quarter) * (int)emulation::kExchanged;
                const uint32_t* columnLane = lanes + (column * 4 + quarter) * (int)emulation::kExchanged;
                d[i] = __dp4a((int)rowLane[2 * half + i / 2], (int)columnLane[4 + half], d[i]);
            }
        }
    }
}

static inline int __float2int_rn(float x) { return (int)rintf(x); }
static inline long long __double2ll_rn(double x) { return (long long)rint(x); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline long long __float2ll_rn(float x) { return (long long)rintf(x); }

// Blocks run one after another and fibers switch only at barriers, so plain accesses are atomic.
NOT_CHECKED static unsigned atomicAdd(unsigned* at, unsigned value) {
    const unsigned old = *at;
    *at = old + value;
    return old;
}
NOT_CHECKED static unsigned long long atomicAdd(unsigned long long* at, unsigned long long value) {
    const unsigned long long old = *at;
    *at = old + value;
    return old;
}
NOT_CHECKED static unsigned long long atomicMin(unsigned long long* at, unsigned long long value) {
    const unsigned long long old = *at;
    *at = old < value ? old : value;
    return old;
}
NOT_CHECKED static int atomicMax(int* at, int value) {
    const int old = *at;
    *at = old > value ? old : value;
    return old;
}
NOT_CHECKED static unsigned long long atomicMax(unsigned long long* at, unsigned long long value) {
    const unsigned long long old = *at;
    *at = old > value ? old : value;
    return old;
}

// What the linker calls the ends of the section; absent while no kernel has shared variables.
extern "C" __attribute__((weak, visibility("hidden"))) char __start_emulated_shared[];
extern "C" __attribute__((weak, visibility("hidden"))) char __stop_emulated_shared[];

extern "C" __attribute__((visibility("default"))) void emulatedSharedSection(char** begin, char** end) {
    *begin = __start_emulated_shared;
    *end = __stop_emulated_shared;
}
