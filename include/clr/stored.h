/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_STORED_H
#define CLR_STORED_H
/* Elements of stored activations inside a kernel file of stored_kernel_sources, compiled with -DCLR_STORED=fp32 or
   bf16: arithmetic is fp32 whatever the storage type, so a kernel is written once, with clr_element for what lies in
   memory and clr_vec for what lies in registers. Local.

   bf16: a value is rounded to nearest even when it is stored, and a product takes rounded factors. A product of two
   bf16 numbers is exact in fp32; only sums are rounded. Dot products take their operands as pairs, two elements to a
   lane of 32 bits: clr_dot adds both products of a lane to its sum. With fp32 a "pair" is one element. So a sum over i
   runs over i / CLR_PAIR lanes in either. AVX512-BF16 has the dot product and the rounding as instructions; elsewhere
   the same is computed by shifts and masks. The instruction takes denormal numbers for zero and adds the products of a
   lane in its own order: results agree within the rounding of sums. */
#include "clr/isa.h"

#include <string.h>

#if defined(CLR_ISA)

#define CLR_STORED_IS_fp32 0
#define CLR_STORED_IS_bf16 1
#define CLR_STORED_BF16 CLR_JOIN(CLR_STORED_IS, CLR_STORED)

typedef int32_t clr_vec_i_u __attribute__((vector_size(CLR_LANES * sizeof(int32_t)), aligned(2), may_alias));
typedef uint32_t clr_vec_bits __attribute__((vector_size(CLR_LANES * sizeof(uint32_t))));
typedef uint16_t clr_vec_half __attribute__((vector_size(CLR_LANES * sizeof(uint16_t))));
typedef uint16_t clr_vec_half_u __attribute__((vector_size(CLR_LANES * sizeof(uint16_t)), aligned(2), may_alias));

#if !CLR_STORED_BF16

enum { CLR_PAIR = 1 };
typedef float clr_element;
typedef clr_vec clr_pairs;
/* One element, a vector of them, and a vector stored past the caches. */
static inline float clr_element_value(clr_element e)
{
    return e;
}
static inline clr_element clr_element_of(float x)
{
    return x;
}
static inline clr_vec clr_load_elements(const clr_element *at)
{
    return clr_load(at);
}
static inline void clr_store_elements(clr_element *at, clr_vec v)
{
    clr_store_vec(at, v);
}
static inline void clr_stream_elements(clr_element *at, clr_vec v)
{
    clr_stream_vec(at, v);
}
/* What a load would give after a store. */
static inline clr_vec clr_rounded(clr_vec v)
{
    return v;
}
static inline clr_pairs clr_load_pairs(const clr_element *at)
{
    return clr_load(at);
}
static inline clr_pairs clr_broadcast_pair(const clr_element *at)
{
    return clr_broadcast(*at);
}
static inline clr_vec clr_dot(clr_vec sum, clr_pairs a, clr_pairs b)
{
    return sum + a * b;
}
/* Stores lane l of each of CLR_PAIR vectors as pair l. */
static inline void clr_store_pairs(clr_element *at, const clr_vec v[CLR_PAIR])
{
    clr_store_vec(at, v[0]);
}
/* CLR_LANES pairs of neighbouring floats, rounded. */
static inline clr_vec clr_pairs_of_floats(const float *at)
{
    return clr_load(at);
}

#else

enum { CLR_PAIR = 2 };
typedef uint16_t clr_element;
typedef clr_vec_i clr_pairs;
/* One element. */
static inline float clr_element_value(clr_element e)
{
    return clr_bf16_value(e);
}
static inline clr_element clr_element_of(float x)
{
    return clr_bf16_of(x);
}

/* The bits of a rounded vector, in the upper half of each lane; the lower half is to be dropped. */
static inline clr_vec_bits clr_rounded_bits(clr_vec v)
{
    clr_vec_bits bits = (clr_vec_bits)v, nan = (clr_vec_bits)(v != v);

    return (~nan & (bits + 0x7fff + (bits >> 16 & 1))) | (nan & (bits | 0x400000));
}

/* A vector as bf16, and back; the dot product. */
#if defined(__AVX512BF16__)
static inline clr_vec_half clr_narrowed(clr_vec v)
{
    return (clr_vec_half)_mm512_cvtneps_pbh((__m512)v);
}
static inline clr_vec clr_widened(clr_vec_half v)
{
    return (clr_vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)v), 16);
}
static inline clr_vec clr_dot(clr_vec sum, clr_pairs a, clr_pairs b)
{
    return (clr_vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}
#else
/* The same. */
static inline clr_vec_half clr_narrowed(clr_vec v)
{
    return __builtin_convertvector(clr_rounded_bits(v) >> 16, clr_vec_half);
}
static inline clr_vec clr_widened(clr_vec_half v)
{
    return (clr_vec)(__builtin_convertvector(v, clr_vec_bits) << 16);
}
static inline clr_vec clr_dot(clr_vec sum, clr_pairs a, clr_pairs b)
{
    const clr_vec_bits x = (clr_vec_bits)a, y = (clr_vec_bits)b;

    sum += (clr_vec)(x & 0xffff0000u) * (clr_vec)(y & 0xffff0000u);
    return sum + (clr_vec)(x << 16) * (clr_vec)(y << 16);
}
#endif
/* As above, with fp32. */
static inline clr_vec clr_load_elements(const clr_element *at)
{
    return clr_widened(*(const clr_vec_half_u *)at);
}
static inline void clr_store_elements(clr_element *at, clr_vec v)
{
    *(clr_vec_half_u *)at = clr_narrowed(v);
}
/* Past the caches where an instruction for half a vector is there. */
static inline void clr_stream_elements(clr_element *at, clr_vec v)
{
#if defined(__AVX512F__)
    _mm256_stream_si256((__m256i *)(void *)at, (__m256i)clr_narrowed(v));
#elif defined(__AVX2__)
    _mm_stream_si128((__m128i *)(void *)at, (__m128i)clr_narrowed(v));
#else
    clr_store_elements(at, v);
#endif
}
static inline clr_vec clr_rounded(clr_vec v)
{
#if defined(__AVX512BF16__)
    return clr_widened(clr_narrowed(v));
#else
    return (clr_vec)(clr_rounded_bits(v) & 0xffff0000u);
#endif
}
static inline clr_pairs clr_load_pairs(const clr_element *at)
{
    return *(const clr_vec_i_u *)at;
}
static inline clr_pairs clr_broadcast_pair(const clr_element *at)
{
    int32_t pair;

    memcpy(&pair, at, sizeof pair);
    return pair - (clr_vec_i){0};
}
static inline void clr_store_pairs(clr_element *at, const clr_vec v[CLR_PAIR])
{
#if defined(__AVX512BF16__)
    const clr_vec_bits low = (clr_vec_bits)_mm512_cvtepu16_epi32((__m256i)clr_narrowed(v[0])),
                       high = (clr_vec_bits)_mm512_cvtepu16_epi32((__m256i)clr_narrowed(v[1])) << 16;
#else
    const clr_vec_bits low = clr_rounded_bits(v[0]) >> 16, high = clr_rounded_bits(v[1]) & 0xffff0000u;
#endif
    *(clr_vec_i_u *)at = (clr_vec_i)(low | high);
}
/* CLR_LANES pairs of neighbouring floats, rounded. */
static inline clr_vec clr_pairs_of_floats(const float *at)
{
#if defined(__AVX512BF16__)
    return (clr_vec)_mm512_cvtne2ps_pbh((__m512)clr_load(at + CLR_LANES), (__m512)clr_load(at));
#else
    clr_element pairs[CLR_LANES * CLR_PAIR];

    clr_store_elements(pairs, clr_load(at));
    clr_store_elements(pairs + CLR_LANES, clr_load(at + CLR_LANES));
    return (clr_vec)clr_load_pairs(pairs);
#endif
}

#endif

/* The first n <= CLR_LANES lanes, of elements or of floats. What lies behind is neither read nor written; loads give
   zero there. They branch where n is not a constant, and compilers make no fused multiply-add across a branch. Load all
   operands before the arithmetic, so that a part of a vector has the same bits as a whole one. */
static inline clr_vec clr_load_some(const clr_element *at, int n)
{
    clr_element lanes[CLR_LANES] = {0};

    if (n == CLR_LANES)
        return clr_load_elements(at);
    memcpy(lanes, at, (size_t)n * sizeof *at);
    return clr_load_elements(lanes);
}
static inline void clr_store_some(clr_element *at, clr_vec v, int n)
{
    clr_element lanes[CLR_LANES];

    if (n == CLR_LANES) {
        clr_store_elements(at, v);
        return;
    }
    clr_store_elements(lanes, v);
    memcpy(at, lanes, (size_t)n * sizeof *at);
}
static inline clr_vec clr_load_floats(const float *at, int n)
{
    float lanes[CLR_LANES] = {0};

    if (n == CLR_LANES)
        return clr_load(at);
    memcpy(lanes, at, (size_t)n * sizeof *at);
    return clr_load(lanes);
}
#endif

#endif
