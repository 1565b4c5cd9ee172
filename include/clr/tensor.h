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

/* Storage type of an activation or weight. Only fp32 exists today; every problem that a solver is
   asked about, and every stored activation, says which it is. */
typedef enum clr_dtype { CLR_FP32 } clr_dtype;

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
