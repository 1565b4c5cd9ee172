/* SPDX-License-Identifier: BSD-3-Clause */
/* F(2x2, 3x3) with the points 0, 1, -1 and infinity; winograd.c derives the matrices. The signs of point 0 are inverted
   in B and G alike. Nothing is rounded but the sums. */
#include "clr/stored.h"

#include <string.h>

#define TILE 2
#define KERNEL CLR_STORED_KERNEL(clr_winograd2_kernel)

static inline __attribute__((always_inline)) void transform_input(const clr_vec d[4], clr_vec v[4])
{
    v[0] = d[0] - d[2];
    v[1] = d[2] + d[1];
    v[2] = d[2] - d[1];
    v[3] = d[3] - d[1];
}

static inline __attribute__((always_inline)) void transform_weight(const clr_vec g[3], clr_vec u[4])
{
    clr_vec even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
    u[0] = g[0];
    u[1] = even + odd;
    u[2] = even - odd;
    u[3] = g[2];
}

static inline __attribute__((always_inline)) void transform_output(const clr_vec m[4], clr_vec y[2])
{
    y[0] = m[0] + (m[1] + m[2]);
    y[1] = m[1] - m[2] + m[3];
}

static inline __attribute__((always_inline)) void transform_gradient(const clr_vec dy[2], clr_vec m[4])
{
    m[0] = dy[0];
    m[1] = dy[0] + dy[1];
    m[2] = dy[0] - dy[1];
    m[3] = dy[1];
}

static inline __attribute__((always_inline)) void collect_weight(const clr_vec z[4], clr_vec dw[3])
{
    clr_vec even = 0.5f * (z[1] + z[2]);
    dw[0] = z[0] + even;
    dw[1] = 0.5f * (z[1] - z[2]);
    dw[2] = even + z[3];
}

#include "winograd_kernel.h"
