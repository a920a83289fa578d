// SPDX-License-Identifier: Apache-2.0
// 16 lanes on AVX2 + FMA + F16C: two 256-bit registers. See simd.md in README.md for what each operation means.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#define MILLRACE_ISA avx2
#define MILLRACE_ISA_NAME "avx2"

namespace millrace::avx2 {

struct Floats {
    __m256 lo, hi;
};
struct Ints {
    __m256i lo, hi;
};
// 16 lanes of 64 bits.
struct Longs {
    __m256i v[4];
};
// 64 bytes: 16 lanes of 4.
struct Bytes {
    __m256i lo, hi;
};
// Signed bytes prepared for dotSigned.
struct SignedBytes {
    Bytes magnitude, value;
};
// Sums of products of unsigned 4-bit codes: int16 pairs, exact for one block of 32.
struct NibbleSums {
    __m256i lo, hi;
};
using Mask = uint32_t;  // bit per lane

static constexpr int kColumns = 4;  // columns per register block of a product

static inline Floats zeros() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
static inline Floats broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
static inline Floats load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
static inline void store(float* p, Floats x) {
    _mm256_storeu_ps(p, x.lo);
    _mm256_storeu_ps(p + 8, x.hi);
}
static inline Floats loadHalf(const uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)),
            _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(p + 8)))};
}
static inline void storeHalf(uint16_t* p, Floats x) {
    _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph(x.lo, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i*)(p + 8), _mm256_cvtps_ph(x.hi, _MM_FROUND_TO_NEAREST_INT));
}
static inline Floats loadBrainHalf(const uint16_t* p) {
    __m256i lo = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p));
    __m256i hi = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)(p + 8)));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(lo, 16)),
            _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16))};
}
static inline Floats loadSignedBytes(const int8_t* p) {
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p))),
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)(p + 8))))};
}
static inline Floats fma(Floats a, Floats b, Floats c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
static inline Floats add(Floats a, Floats b) {
    return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
static inline Floats sub(Floats a, Floats b) {
    return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
static inline Floats mul(Floats a, Floats b) {
    return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
static inline Floats div(Floats a, Floats b) {
    return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
static inline Floats max(Floats a, Floats b) {
    return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
static inline Floats min(Floats a, Floats b) {
    return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}
static inline float largest(Floats x) {
    __m256 m = _mm256_max_ps(x.lo, x.hi);
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_shuffle_ps(q, q, 1)));
}
static inline __m256i laneMask(Mask bits) {
    const __m256i lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), lanes), lanes);
}
// x where the bit is set, otherwise y.
static inline Floats select(Mask bits, Floats x, Floats y) {
    return {_mm256_blendv_ps(y.lo, x.lo, _mm256_castsi256_ps(laneMask(bits))),
            _mm256_blendv_ps(y.hi, x.hi, _mm256_castsi256_ps(laneMask(bits >> 8)))};
}
static inline Mask equal(Floats a, Floats b) {
    return (Mask)_mm256_movemask_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ)) |
           (Mask)_mm256_movemask_ps(_mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ)) << 8;
}

static inline Ints loadInts(const int32_t* p) {
    return {_mm256_loadu_si256((const __m256i*)p), _mm256_loadu_si256((const __m256i*)(p + 8))};
}
static inline Ints zeroInts() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
static inline Ints broadcastInt(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
static inline Ints loadByteInts(const int8_t* p) {
    return {_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)),
            _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)(p + 8)))};
}
static inline Ints add(Ints a, Ints b) {
    return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)};
}
static inline Ints sub(Ints a, Ints b) {
    return {_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)};
}
static inline Ints mul(Ints a, Ints b) {
    return {_mm256_mullo_epi32(a.lo, b.lo), _mm256_mullo_epi32(a.hi, b.hi)};
}
static inline Ints bitAnd(Ints a, Ints b) {
    return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)};
}
static inline Ints bitOr(Ints a, Ints b) {
    return {_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)};
}
template <int N>
static inline Ints shiftLeft(Ints a) {
    return {_mm256_slli_epi32(a.lo, N), _mm256_slli_epi32(a.hi, N)};
}
template <int N>
static inline Ints shiftRight(Ints a) {
    return {_mm256_srai_epi32(a.lo, N), _mm256_srai_epi32(a.hi, N)};
}
static inline Ints max(Ints a, Ints b) {
    return {_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi)};
}
static inline Mask equal(Ints a, Ints b) {
    return (Mask)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.lo, b.lo))) |
           (Mask)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.hi, b.hi))) << 8;
}
static inline Mask greater(Ints a, Ints b) {
    return (Mask)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(a.lo, b.lo))) |
           (Mask)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(a.hi, b.hi))) << 8;
}
static inline int32_t largest(Ints x) {
    __m256i m = _mm256_max_epi32(x.lo, x.hi);
    __m128i q = _mm_max_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    q = _mm_max_epi32(q, _mm_shuffle_epi32(q, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(q, _mm_shuffle_epi32(q, 0xB1)));
}
static inline Floats toFloats(Ints x) {
    return {_mm256_cvtepi32_ps(x.lo), _mm256_cvtepi32_ps(x.hi)};
}
// Round to nearest, half to even.
static inline Ints roundToInts(Floats x) {
    return {_mm256_cvtps_epi32(x.lo), _mm256_cvtps_epi32(x.hi)};
}
static inline Floats asFloats(Ints x) {
    return {_mm256_castsi256_ps(x.lo), _mm256_castsi256_ps(x.hi)};
}
static inline Ints asInts(Floats x) {
    return {_mm256_castps_si256(x.lo), _mm256_castps_si256(x.hi)};
}
// Low bytes of 16 lanes.
static inline void storeBytes(int8_t* p, Ints x) {
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.lo, x.hi), 0xD8);
    __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i*)p, bytes);
}

static inline Longs loadLongs(const int64_t* p) {
    Longs x;
    for (int i = 0; i < 4; i++) x.v[i] = _mm256_loadu_si256((const __m256i*)(p + 4 * i));
    return x;
}
static inline void storeLongs(int64_t* p, Longs x) {
    for (int i = 0; i < 4; i++) _mm256_storeu_si256((__m256i*)(p + 4 * i), x.v[i]);
}
// Lanes of `b` are unsigned.
static inline Longs addUnsigned(Longs a, Ints b) {
    return {{_mm256_add_epi64(a.v[0], _mm256_cvtepu32_epi64(_mm256_castsi256_si128(b.lo))),
             _mm256_add_epi64(a.v[1], _mm256_cvtepu32_epi64(_mm256_extracti128_si256(b.lo, 1))),
             _mm256_add_epi64(a.v[2], _mm256_cvtepu32_epi64(_mm256_castsi256_si128(b.hi))),
             _mm256_add_epi64(a.v[3], _mm256_cvtepu32_epi64(_mm256_extracti128_si256(b.hi, 1)))}};
}

static inline Bytes loadBytes(const void* p) {
    return {_mm256_loadu_si256((const __m256i*)p),
            _mm256_loadu_si256((const __m256i*)((const uint8_t*)p + 32))};
}
static inline Bytes lowNibbles(Bytes x) {
    const __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(x.lo, mask), _mm256_and_si256(x.hi, mask)};
}
static inline Bytes highNibbles(Bytes x) {
    const __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(_mm256_srli_epi16(x.lo, 4), mask),
            _mm256_and_si256(_mm256_srli_epi16(x.hi, 4), mask)};
}
static inline NibbleSums zeroNibbleSums() {
    return {_mm256_setzero_si256(), _mm256_setzero_si256()};
}
// Adds, per lane, the dot product of its 4 unsigned codes (at most 15) with the 4 signed bytes of `x`. At most 8 times:
// 8 * 2 * 15 * 127 = 30,480 fits int16.
static inline void dotNibbles(NibbleSums& sums, Bytes codes, int32_t x) {
    const __m256i four = _mm256_set1_epi32(x);
    sums.lo = _mm256_add_epi16(sums.lo, _mm256_maddubs_epi16(codes.lo, four));
    sums.hi = _mm256_add_epi16(sums.hi, _mm256_maddubs_epi16(codes.hi, four));
}
static inline Ints total(NibbleSums sums) {
    const __m256i ones = _mm256_set1_epi16(1);
    return {_mm256_madd_epi16(sums.lo, ones), _mm256_madd_epi16(sums.hi, ones)};
}
static inline SignedBytes prepareSigned(Bytes x) {
    return {{_mm256_abs_epi8(x.lo), _mm256_abs_epi8(x.hi)}, x};
}
// Adds, per lane, the dot product of its 4 signed codes with the 4 signed bytes of `x`, which lie in [-127, 127]. The
// magnitude of -128 is 128 as an unsigned byte, and 2 * 128 * 127 = 32,512 fits int16.
static inline void dotSigned(Ints& sums, SignedBytes codes, int32_t x) {
    const __m256i four = _mm256_set1_epi32(x);
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i lo = _mm256_maddubs_epi16(codes.magnitude.lo, _mm256_sign_epi8(four, codes.value.lo));
    __m256i hi = _mm256_maddubs_epi16(codes.magnitude.hi, _mm256_sign_epi8(four, codes.value.hi));
    sums.lo = _mm256_add_epi32(sums.lo, _mm256_madd_epi16(lo, ones));
    sums.hi = _mm256_add_epi32(sums.hi, _mm256_madd_epi16(hi, ones));
}

}  // namespace millrace::avx2
