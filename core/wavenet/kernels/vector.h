// Vectors of floats as wide as the machine's registers, in GCC's and clang's portable notation, and the few functions
// on them that WaveNet needs.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__F16C__) || defined(__AVX512F__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
constexpr int VL = 16;  // floats in a vector
#elif defined(__AVX__)
constexpr int VL = 8;
#else
constexpr int VL = 4;
#endif

typedef float Vec __attribute__((vector_size(VL * 4), may_alias));
typedef int32_t IntVec __attribute__((vector_size(VL * 4), may_alias));
typedef uint32_t BitVec __attribute__((vector_size(VL * 4), may_alias));
typedef uint16_t HalfVec __attribute__((vector_size(VL * 2), may_alias));
typedef uint16_t Half;  // the bits of an IEEE fp16 number

static inline Vec broadcast(float x) { return x - Vec{}; }
static inline int padded(int n) { return (n + VL - 1) / VL * VL; }

static inline Vec load(const float* p) { return *reinterpret_cast<const Vec*>(p); }
static inline void store(float* p, Vec x) { *reinterpret_cast<Vec*>(p) = x; }

// fp16 storage to fp32 registers; the last way works everywhere: shift the exponent into place and mend its bias.
static inline Vec load(const Half* p) {
#if defined(__AVX512F__)
    return reinterpret_cast<Vec>(_mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(p))));
#elif defined(__F16C__)
    return reinterpret_cast<Vec>(_mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(p))));
#elif defined(__aarch64__)
    return reinterpret_cast<Vec>(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))));
#else
    const BitVec h = __builtin_convertvector(*reinterpret_cast<const HalfVec*>(p), BitVec);
    const Vec magnitude = reinterpret_cast<Vec>((h & 0x7fffu) << 13) * broadcast(0x1p112f);
    return reinterpret_cast<Vec>(reinterpret_cast<BitVec>(magnitude) | (h & 0x8000u) << 16);
#endif
}

static inline Vec clamp(Vec x, float low, float high) {
    x = x < low ? broadcast(low) : x;
    return x > high ? broadcast(high) : x;
}

static inline Vec relu(Vec x) { return x > 0.0f ? x : Vec{}; }

// e^x = scale * (1 + rest) with scale = 2^n: |x - n ln 2| <= ln 2 / 2, where eight terms of the series leave 5e-9.
// `rest` keeps its relative precision, so e^x - 1 = (scale - 1) + scale * rest is exact near zero too.
static inline void exp_parts(Vec x, Vec& scale, Vec& rest) {
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
    const Vec n = (x * 1.44269504f + magic) - magic;
    const Vec f = (x - n * 0.693359375f) - n * -2.12194440e-4f;  // ln 2 in two parts
    Vec p = broadcast(1.0f / 5040.0f);
    p = p * f + 1.0f / 720.0f;
    p = p * f + 1.0f / 120.0f;
    p = p * f + 1.0f / 24.0f;
    p = p * f + 1.0f / 6.0f;
    p = p * f + 0.5f;
    rest = p * f * f + f;
    scale = reinterpret_cast<Vec>((__builtin_convertvector(n, IntVec) + 127) << 23);
}

static inline Vec exp(Vec x) {  // of x in [-87, 88]
    Vec scale, rest;
    exp_parts(clamp(x, -87.0f, 88.0f), scale, rest);
    return scale + scale * rest;
}

// tanh(a) * sigmoid(b) with one division: tanh(a) = (e^2a - 1) / (e^2a + 1), sigmoid(b) = 1 / (1 + e^-b).
static inline Vec gated(Vec a, Vec b) {
    Vec scale, rest;
    exp_parts(clamp(a + a, -20.0f, 20.0f), scale, rest);  // beyond 10 the tanh is 1 in fp32
    const Vec product = scale * rest;
    const Vec e = exp(clamp(-b, -60.0f, 60.0f));  // beyond 60 the gate is shut: 1e-26
    return ((scale - 1.0f) + product) / (((scale + 1.0f) + product) * (1.0f + e));
}
