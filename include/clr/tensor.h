/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_TENSOR_H
#define CLR_TENSOR_H
/* The legend of shape letters. They mean this everywhere, and nothing else.

     N        images (= views) in this call         B  images in this rank's share of the batch
     G        images in the global batch            V  views of an image (2)
     C H W    channels, height, width coming in     K P Q  the same going out
     R S      kernel height, width                  D  length of an embedding or feature vector

   Activations are NHWC: (N, H, W, C), C fastest. Convolution weights live as (R, S, C, K), K fastest,
   which is the right-hand matrix of an implicit GEMM; files hold torchvision's (K, C, R, S).
   Matrices are row-major. A linear layer is a convolution with R = S = 1: (C, K).
   The rows of a batch of views are view-major: first views of all images, then second views. */

#include <stddef.h>
#include <stdint.h>

enum { CLR_VIEWS = 2 };

/* The storage type of activations and of their gradients. Weights, statistics, sums, embeddings and the loss are fp32
   whatever it is. Every convolution problem says its type, every solver which types it serves. */
typedef enum clr_dtype { CLR_FP32, CLR_BF16, CLR_DTYPES } clr_dtype;
#define CLR_DTYPE_WORDS "fp32|bf16" /* in the order of clr_dtype */

/* Elements of a stored activation, of a type that its problem or plan knows. A kernel that serves a type converts the
   pointer once, at its entry. */
typedef void clr_stored;

/* Bytes of an element; "fp32". */
static inline size_t clr_dtype_bytes(clr_dtype dtype)
{
    return dtype == CLR_BF16 ? 2 : 4;
}
static inline const char *clr_dtype_name(clr_dtype dtype)
{
    return dtype == CLR_BF16 ? "bf16" : "fp32";
}

/* bf16 is the upper half of fp32: 8 significant bits. Rounded to nearest even; a NaN stays a NaN. */
static inline uint16_t clr_bf16_of(float x)
{
    union {
        float value;
        uint32_t bits;
    } u = {x};

    return (uint16_t)((x != x ? u.bits | 0x400000 : u.bits + 0x7fff + (u.bits >> 16 & 1)) >> 16);
}
static inline float clr_bf16_value(uint16_t bf16)
{
    union {
        uint32_t bits;
        float value;
    } u = {(uint32_t)bf16 << 16};

    return u.value;
}

#define CLR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline int64_t clr_min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
/* The larger of two. */
static inline int64_t clr_max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* First of count items that belongs to part i of n: parts are contiguous and differ by one at most. */
static inline int64_t clr_share(int64_t count, int n, int i)
{
    return count * i / n;
}

#endif
