// What every kernel uses: integer types, the frame of a kernel, and the scalar functions of docs/numerics.md. Compiled by NVRTC and nvcc for
// devices, with --fmad=false --ftz=false --prec-div=true --prec-sqrt=true, and by g++ for the host emulation.
#pragma once

#ifdef __CUDACC_RTC__
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
#else
#include <cstdint>
#endif

// A kernel takes one structure by value: KERNEL(name, Arguments, largest block) { ... args.x ... }.
#ifdef __CUDACC__
#define KERNEL(name, Arguments, threads) extern "C" __global__ void __launch_bounds__(threads, 1) name(const Arguments args)
#else
#include <immintrin.h>
#define KERNEL(name, Arguments, threads)                                                       \
    static void name(const Arguments args);                                                    \
    extern "C" void name##__host(void** parameters) { name(*(const Arguments*)parameters[0]); } \
    extern "C" const unsigned name##__bytes = sizeof(Arguments);                               \
    static void name([[maybe_unused]] const Arguments args)
#endif

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFFu;
constexpr int kBlock = 32;  // weights or activations per quantisation block
constexpr int kSegment = 1024;  // of K: one serial chain
constexpr int kMagnitudeBits = 0x7FFFFFFF;
constexpr int kExponentBits = 0x7F800000;
constexpr float kSmallest = 0x1p-100f;

static __device__ __forceinline__ int laneOf() { return (int)(threadIdx.x % kWarp); }
static __device__ __forceinline__ int warpOf() { return (int)(threadIdx.x / kWarp); }

static __device__ __forceinline__ bool isFinite(float x) { return (__float_as_int(x) & kExponentBits) != kExponentBits; }

static __device__ __forceinline__ float widen(uint16_t half) {
#ifdef __CUDACC__
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(half));
    return x;
#else
    return _cvtsh_ss(half);
#endif
}

static __device__ __forceinline__ float widen(float x) { return x; }

static __device__ __forceinline__ float widen(int8_t x) { return (float)x; }

// To binary16, nearest, half to even; Float16.java, whose bits of a NaN cvt.rn.f16.f32 does not give.
static __device__ __forceinline__ uint16_t narrow(float x) {
    const uint32_t bits = (uint32_t)__float_as_int(x);
    const uint32_t sign = bits >> 16 & 0x8000u;
    const uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) return (uint16_t)(sign | 0x7E00u);
    if (magnitude >= 0x477FF000u) return (uint16_t)(sign | 0x7C00u);
    if (magnitude < 0x38800000u) {
        // Subnormal: adding 0.5 puts the last kept bit at 2^-24 and rounds.
        return (uint16_t)(sign | ((uint32_t)__float_as_int(__int_as_float((int)magnitude) + 0.5f) - 0x3F000000u));
    }
    return (uint16_t)(sign | (magnitude - 0x38000000u + 0xFFFu + (magnitude >> 13 & 1u)) >> 13);
}

// e^x, at most 0.91 ulp off; FloatMath.java.
static __device__ __forceinline__ float expOf(float x) {
    x = x < -87.f ? -87.f : x;
    x = x > 88.f ? 88.f : x;
    const float n = fmaf(x, 0x1.715476p0f, 12582912.f) - 12582912.f;
    float r = fmaf(n, -0x1.62e4p-1f, x);
    r = fmaf(n, -0x1.7f7d1cp-20f, r);
    float p = (float)(1.0 / 5040);
    p = fmaf(p, r, (float)(1.0 / 720));
    p = fmaf(p, r, (float)(1.0 / 120));
    p = fmaf(p, r, (float)(1.0 / 24));
    p = fmaf(p, r, (float)(1.0 / 6));
    p = fmaf(p, r, 0.5f);
    p = fmaf(p, r, 1.f);
    p = fmaf(p, r, 1.f);
    return __int_as_float((int)((uint32_t)__float_as_int(p) + ((uint32_t)(int)n << 23)));
}

// FloatMath.java.
static __device__ __forceinline__ float tanhOf(float x) { return 1.f - 2.f / (1.f + expOf(2.f * x)); }

// Largest of the lanes' values, in all lanes.
static __device__ __forceinline__ int warpMax(int x) {
    for (int with = kWarp / 2; with > 0; with /= 2) {
        const int other = __shfl_xor_sync(kAllLanes, x, with);
        x = other > x ? other : x;
    }
    return x;
}

static __device__ __forceinline__ float warpMax(float x) {
    for (int with = kWarp / 2; with > 0; with /= 2) {
        const float other = __shfl_xor_sync(kAllLanes, x, with);
        x = other > x ? other : x;
    }
    return x;
}

static __device__ __forceinline__ int warpSum(int x) {
    for (int with = kWarp / 2; with > 0; with /= 2) x += __shfl_xor_sync(kAllLanes, x, with);
    return x;
}

// What an operation leaves for a product: int8 codes of blocks of 32, a scale and a sum of codes each; codes null: none wanted.
struct Codes {
    int8_t* codes;
    float* scales;
    int* sums;
};

// Symmetric int8 quantisation of a block whose largest magnitude has these bits; BlockQuantizer.java.
struct Quantizer {
    float inverse;
    float scale;
    bool isZero;

    __device__ explicit Quantizer(int largest) {
        const float magnitude = __int_as_float(largest);
        isZero = largest >= kExponentBits || magnitude < kSmallest;
        inverse = 127.f / magnitude;
        scale = magnitude < kSmallest ? 0.f : magnitude / 127.f;
    }

    __device__ int code(float x) const { return isZero ? 0 : __float2int_rn(x * inverse); }
};

// Codes of block `block`, one lane a value.
static __device__ __forceinline__ void quantizeBlock(const Codes& to, size_t block, float x) {
    const Quantizer quantizer(warpMax(__float_as_int(x) & kMagnitudeBits));
    const int code = quantizer.code(x);
    to.codes[block * kBlock + laneOf()] = (int8_t)code;
    const int sum = warpSum(code);
    if (laneOf() == 0) {
        to.scales[block] = quantizer.scale;
        to.sums[block] = sum;
    }
}
