// SPDX-License-Identifier: Apache-2.0
// 16 lanes on AVX-512 (F, BW, VL, DQ, VNNI): one 512-bit register.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#define MILLRACE_ISA avx512
#define MILLRACE_ISA_NAME "avx512"

namespace millrace::avx512 {

struct Floats {
    __m512 v;
};
struct Ints {
    __m512i v;
};
struct Longs {
    __m512i v[2];
};
struct Bytes {
    __m512i v;
};
struct SignedBytes {
    __m512i magnitude;
    __mmask64 negative;
};
struct NibbleSums {
    __m512i v;
};
using Mask = uint32_t;

static constexpr int kColumns = 8;

static inline Floats zeros() { return {_mm512_setzero_ps()}; }
static inline Floats broadcast(float x) { return {_mm512_set1_ps(x)}; }
static inline Floats load(const float* p) { return {_mm512_loadu_ps(p)}; }
static inline void store(float* p, Floats x) { _mm512_storeu_ps(p, x.v); }
static inline Floats loadHalf(const uint16_t* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p))};
}
static inline void storeHalf(uint16_t* p, Floats x) {
    _mm256_storeu_si256((__m256i*)p, _mm512_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT));
}
static inline Floats loadBrainHalf(const uint16_t* p) {
    __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(bits, 16))};
}
static inline Floats loadSignedBytes(const int8_t* p) {
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p)))};
}
static inline Floats fma(Floats a, Floats b, Floats c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
static inline Floats add(Floats a, Floats b) { return {_mm512_add_ps(a.v, b.v)}; }
static inline Floats sub(Floats a, Floats b) { return {_mm512_sub_ps(a.v, b.v)}; }
static inline Floats mul(Floats a, Floats b) { return {_mm512_mul_ps(a.v, b.v)}; }
static inline Floats div(Floats a, Floats b) { return {_mm512_div_ps(a.v, b.v)}; }
static inline Floats max(Floats a, Floats b) { return {_mm512_max_ps(a.v, b.v)}; }
static inline Floats min(Floats a, Floats b) { return {_mm512_min_ps(a.v, b.v)}; }
static inline float largest(Floats x) { return _mm512_reduce_max_ps(x.v); }
static inline Floats select(Mask bits, Floats x, Floats y) {
    return {_mm512_mask_blend_ps((__mmask16)bits, y.v, x.v)};
}
static inline Mask equal(Floats a, Floats b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ); }

static inline Ints loadInts(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
static inline Ints zeroInts() { return {_mm512_setzero_si512()}; }
static inline Ints broadcastInt(int32_t x) { return {_mm512_set1_epi32(x)}; }
static inline Ints loadByteInts(const int8_t* p) {
    return {_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p))};
}
static inline Ints add(Ints a, Ints b) { return {_mm512_add_epi32(a.v, b.v)}; }
static inline Ints sub(Ints a, Ints b) { return {_mm512_sub_epi32(a.v, b.v)}; }
static inline Ints mul(Ints a, Ints b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
static inline Ints bitAnd(Ints a, Ints b) { return {_mm512_and_si512(a.v, b.v)}; }
static inline Ints bitOr(Ints a, Ints b) { return {_mm512_or_si512(a.v, b.v)}; }
template <int N>
static inline Ints shiftLeft(Ints a) {
    return {_mm512_slli_epi32(a.v, N)};
}
template <int N>
static inline Ints shiftRight(Ints a) {
    return {_mm512_srai_epi32(a.v, N)};
}
static inline Ints max(Ints a, Ints b) { return {_mm512_max_epi32(a.v, b.v)}; }
static inline Mask equal(Ints a, Ints b) { return _mm512_cmpeq_epi32_mask(a.v, b.v); }
static inline Mask greater(Ints a, Ints b) { return _mm512_cmpgt_epi32_mask(a.v, b.v); }
static inline int32_t largest(Ints x) { return _mm512_reduce_max_epi32(x.v); }
static inline Floats toFloats(Ints x) { return {_mm512_cvtepi32_ps(x.v)}; }
static inline Ints roundToInts(Floats x) { return {_mm512_cvtps_epi32(x.v)}; }
static inline Floats asFloats(Ints x) { return {_mm512_castsi512_ps(x.v)}; }
static inline Ints asInts(Floats x) { return {_mm512_castps_si512(x.v)}; }
static inline void storeBytes(int8_t* p, Ints x) {
    _mm_storeu_si128((__m128i*)p, _mm512_cvtepi32_epi8(x.v));
}

static inline Longs loadLongs(const int64_t* p) {
    return {{_mm512_loadu_si512(p), _mm512_loadu_si512(p + 8)}};
}
static inline void storeLongs(int64_t* p, Longs x) {
    _mm512_storeu_si512(p, x.v[0]);
    _mm512_storeu_si512(p + 8, x.v[1]);
}
static inline Longs addUnsigned(Longs a, Ints b) {
    return {{_mm512_add_epi64(a.v[0], _mm512_cvtepu32_epi64(_mm512_castsi512_si256(b.v))),
             _mm512_add_epi64(a.v[1], _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(b.v, 1)))}};
}

static inline Bytes loadBytes(const void* p) { return {_mm512_loadu_si512(p)}; }
static inline Bytes lowNibbles(Bytes x) {
    return {_mm512_and_si512(x.v, _mm512_set1_epi8(15))};
}
static inline Bytes highNibbles(Bytes x) {
    return {_mm512_and_si512(_mm512_srli_epi16(x.v, 4), _mm512_set1_epi8(15))};
}
static inline NibbleSums zeroNibbleSums() { return {_mm512_setzero_si512()}; }
static inline void dotNibbles(NibbleSums& sums, Bytes codes, int32_t x) {
    sums.v = _mm512_dpbusd_epi32(sums.v, codes.v, _mm512_set1_epi32(x));
}
static inline Ints total(NibbleSums sums) { return {sums.v}; }
static inline SignedBytes prepareSigned(Bytes x) {
    return {_mm512_abs_epi8(x.v), _mm512_movepi8_mask(x.v)};
}
static inline void dotSigned(Ints& sums, SignedBytes codes, int32_t x) {
    __m512i four = _mm512_set1_epi32(x);
    __m512i turned = _mm512_mask_sub_epi8(four, codes.negative, _mm512_setzero_si512(), four);
    sums.v = _mm512_dpbusd_epi32(sums.v, codes.magnitude, turned);
}

}  // namespace millrace::avx512
