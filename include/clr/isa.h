/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_ISA_H
#define CLR_ISA_H
/* Instruction sets chosen at run time. A file listed in kernel_sources is compiled once for each set
   with -DCLR_ISA=portable, avx2 or avx512, and names what it exports CLR_KERNEL(name). The rest of the
   program says CLR_KERNEL_DECLARE(type, name) and takes CLR_KERNEL_PICK(name): the one for this
   processor. SIMCLR_ISA in the environment takes a lesser one, for tests.

   A file listed in stored_kernel_sources is compiled for each storage type of activations as well (clr/stored.h),
   for bf16 with avx512bf16 too, and names what it exports CLR_STORED_KERNEL(name); the rest of the program says
   CLR_STORED_DECLARE(type, name) and takes CLR_STORED_PICK(name, dtype).

   Kernels are written with vectors of CLR_LANES floats (GCC's vector extension), so that one source
   serves all three; loops over registers have constant bounds. */

#include "clr/tensor.h"

#include <stddef.h>
#include <stdint.h>

/* AVX512BF16: AVX-512 with dot products of bf16 pairs; where nothing is bf16, the kernels of AVX-512. */
typedef enum clr_isa { CLR_ISA_PORTABLE, CLR_ISA_AVX2, CLR_ISA_AVX512, CLR_ISA_AVX512BF16, CLR_ISAS } clr_isa;

/* Local. What kernels run here: the best that the processor and the system support, or less where
   SIMCLR_ISA says so (portable, avx2, avx512, avx512bf16; a word that is not one of these, or that this processor
   lacks, is warned about and passed over). Fixed at the first call. */
clr_isa clr_isa_current(void);
const char *clr_isa_name(clr_isa isa);

#ifdef CLR_HAVE_X86
#define CLR_KERNEL_DECLARE(type, name) extern type name##_portable, name##_avx2, name##_avx512
#define CLR_KERNEL_PICK(name)                             \
    (clr_isa_current() >= CLR_ISA_AVX512 ? &name##_avx512 \
     : clr_isa_current() == CLR_ISA_AVX2 ? &name##_avx2   \
                                         : &name##_portable)
#define CLR_STORED_DECLARE(type, name)                                                                              \
    extern type name##_portable_fp32, name##_avx2_fp32, name##_avx512_fp32, name##_portable_bf16, name##_avx2_bf16, \
        name##_avx512_bf16, name##_avx512bf16_bf16
#define CLR_STORED_PICK(name, dtype)                                     \
    ((dtype) == CLR_FP32                       ? CLR_STORED_FP32(name)   \
     : clr_isa_current() == CLR_ISA_AVX512BF16 ? &name##_avx512bf16_bf16 \
     : clr_isa_current() == CLR_ISA_AVX512     ? &name##_avx512_bf16     \
     : clr_isa_current() == CLR_ISA_AVX2       ? &name##_avx2_bf16       \
                                               : &name##_portable_bf16)
#define CLR_STORED_FP32(name)                                  \
    (clr_isa_current() >= CLR_ISA_AVX512 ? &name##_avx512_fp32 \
     : clr_isa_current() == CLR_ISA_AVX2 ? &name##_avx2_fp32   \
                                         : &name##_portable_fp32)
#else
#define CLR_KERNEL_DECLARE(type, name) extern type name##_portable
#define CLR_KERNEL_PICK(name) (&name##_portable)
#define CLR_STORED_DECLARE(type, name) extern type name##_portable_fp32, name##_portable_bf16
#define CLR_STORED_PICK(name, dtype) ((dtype) == CLR_FP32 ? &name##_portable_fp32 : &name##_portable_bf16)
#endif

/* A range of memory to be prefetched into the second cache while something else is computed: from `at` on to `end`,
   `pace` lines at a time; then the range `then`, or NULL. */
typedef struct clr_prefetch {
    const char *at, *end;
    int pace;
    const struct clr_prefetch *then;
} clr_prefetch;
enum { CLR_LINE = 64 / sizeof(float) }; /* floats */

/* Fills prefetch[n] with n ranges of so many bytes, one behind the other, at a pace that ends with a matrix product
   of so many steps (multiply-adds, or dot products of pairs), when clr_prefetch_next is called for every CLR_LINE rows
   of a tile of 24 vectors. */
static inline void clr_prefetch_chain(clr_prefetch *prefetch, int n, const void *const *from, const int64_t *bytes,
                                      int64_t steps)
{
    enum { TILE = 24 * CLR_LINE };
    int64_t all = 0;

    for (int i = 0; i < n; i++)
        all += bytes[i];
    for (int i = 0; i < n; i++) {
        const char *at = from[i];
        prefetch[i] = (clr_prefetch){at, bytes[i] ? at + bytes[i] : at, (int)(TILE * (all / 4) / steps + 1),
                                     i < n - 1 ? &prefetch[i + 1] : NULL};
    }
}

#ifdef CLR_ISA /* inside a kernel file */
#define CLR_JOIN_(a, b) a##_##b
#define CLR_JOIN(a, b) CLR_JOIN_(a, b)
#define CLR_KERNEL(name) CLR_JOIN(name, CLR_ISA)
#define CLR_STORED_KERNEL(name) CLR_JOIN(CLR_JOIN(name, CLR_ISA), CLR_STORED)
#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL_FOR _Pragma("clang loop unroll(full)") for
#else
#define UNROLL_FOR _Pragma("GCC unroll 16") for
#endif
#if defined(__AVX512F__)
enum { CLR_LANES = 16, CLR_REGISTERS = 32 };
#elif defined(__AVX2__)
enum { CLR_LANES = 8, CLR_REGISTERS = 16 };
#else
enum { CLR_LANES = 4, CLR_REGISTERS = 16 };
#endif
typedef float clr_vec __attribute__((vector_size(CLR_LANES * sizeof(float))));
typedef float clr_vec_u __attribute__((vector_size(CLR_LANES * sizeof(float)), aligned(4), may_alias));
typedef int32_t clr_vec_i __attribute__((vector_size(CLR_LANES * sizeof(int32_t))));
static inline clr_vec clr_load(const float *at)
{
    return *(const clr_vec_u *)at;
}
static inline void clr_store_vec(float *at, clr_vec v)
{
    *(clr_vec_u *)at = v;
}
static inline clr_vec clr_broadcast(float x)
{
    return x - (clr_vec){0};
}

/* A store past the caches, to an address that is a multiple of the vector's size: for results too large to be found
   there again, whose lines would be read for nothing. clr_stream_end before another thread reads them. */
#if defined(__AVX2__)
#include <immintrin.h>
static inline void clr_stream_end(void)
{
    _mm_sfence();
}
#else
static inline void clr_stream_end(void) {}
#endif
static inline void clr_stream_vec(float *at, clr_vec v)
{
#if defined(__AVX512F__)
    _mm512_stream_ps(at, (__m512)v);
#elif defined(__AVX2__)
    _mm256_stream_ps(at, (__m256)v);
#else
    clr_store_vec(at, v);
#endif
}

/* Prefetches the next `pace` lines. */
static inline void clr_prefetch_next(clr_prefetch *a)
{
    while (a->at >= a->end && a->then)
        *a = *a->then;
    for (int line = 0; line < a->pace && a->at < a->end; line++, a->at += 64)
        __builtin_prefetch(a->at, 0, 2);
}

#if defined(__AVX512F__)
#define CLR_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define CLR_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif defined(__AVX2__)
#define CLR_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define CLR_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define CLR_LOW 0, 4, 1, 5
#define CLR_HIGH 2, 6, 3, 7
#endif
/* Elements of a and b chosen by their places, those of b counted behind those of a. */
#if defined(__clang__) || __GNUC__ >= 12
#define CLR_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define CLR_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (clr_vec_i){__VA_ARGS__})
#endif

/* Transposes a square. Interleaving the halves of a list of vectors, once for each bit of their number, does it. */
static inline void clr_transpose_square(clr_vec v[CLR_LANES])
{
    UNROLL_FOR (int bit = 1; bit < CLR_LANES; bit *= 2) {
        clr_vec was[CLR_LANES];
        UNROLL_FOR (int i = 0; i < CLR_LANES; i++)
            was[i] = v[i];
        UNROLL_FOR (int i = 0; i < CLR_LANES / 2; i++) {
            v[2 * i] = CLR_SHUFFLE(was[i], was[i + CLR_LANES / 2], CLR_LOW);
            v[2 * i + 1] = CLR_SHUFFLE(was[i], was[i + CLR_LANES / 2], CLR_HIGH);
        }
    }
}

/* to (columns, rows) = alpha from^T, of at most CLR_LANES rows, leading dimensions from_ld and to_ld. */
static inline void clr_transpose(int rows, int columns, float alpha, const float *from, int64_t from_ld, float *to,
                                 int64_t to_ld)
{
    int l = 0;

    for (; l + CLR_LANES <= columns && rows == CLR_LANES; l += CLR_LANES) {
        clr_vec v[CLR_LANES];
        UNROLL_FOR (int i = 0; i < CLR_LANES; i++)
            v[i] = clr_broadcast(alpha) * clr_load(from + i * from_ld + l);
        clr_transpose_square(v);
        UNROLL_FOR (int i = 0; i < CLR_LANES; i++)
            clr_store_vec(to + (l + i) * to_ld, v[i]);
    }
    for (; l < columns; l++)
        for (int i = 0; i < rows; i++)
            to[l * to_ld + i] = alpha * from[i * from_ld + l];
}
#endif

#endif
