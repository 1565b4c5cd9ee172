/* SPDX-License-Identifier: BSD-3-Clause */
/* F(4x4, 3x3) with the points 0, p, -p, q, -q and infinity, p = 5/8, q = 3/2; winograd.c derives the matrices. Every
   constant of A and B is a short binary fraction, exact in fp32; those of G, which has the divisors, are rounded. */
#include "clr/stored.h"

#include <string.h>

#define TILE 4
#define KERNEL CLR_STORED_KERNEL(clr_winograd4_kernel)

#define P 0.625f
#define Q 1.5f
#define PP (P * P)
#define QQ (Q * Q)
/* 1 / prod_j (p_i - p_j) at 0, +-p, +-q */
#define AT_0 ((float)(1.0 / (0.390625 * 2.25)))
#define AT_P ((float)(1.0 / (2.0 * 0.390625 * (0.390625 - 2.25))))
#define AT_Q ((float)(1.0 / (2.0 * 2.25 * (2.25 - 0.390625))))

static inline __attribute__((always_inline)) void transform_input(const clr_vec d[6], clr_vec v[6])
{
    clr_vec even_p = d[4] - QQ * d[2], odd_p = d[3] - QQ * d[1];
    clr_vec even_q = d[4] - PP * d[2], odd_q = d[3] - PP * d[1];
    v[0] = PP * QQ * d[0] + (d[4] - (PP + QQ) * d[2]);
    v[1] = even_p + P * odd_p;
    v[2] = even_p - P * odd_p;
    v[3] = even_q + Q * odd_q;
    v[4] = even_q - Q * odd_q;
    v[5] = PP * QQ * d[1] + (d[5] - (PP + QQ) * d[3]);
}

static inline __attribute__((always_inline)) void transform_weight(const clr_vec g[3], clr_vec u[6])
{
    clr_vec even_p = AT_P * (g[0] + PP * g[2]), odd_p = AT_P * P * g[1];
    clr_vec even_q = AT_Q * (g[0] + QQ * g[2]), odd_q = AT_Q * Q * g[1];
    u[0] = AT_0 * g[0];
    u[1] = even_p + odd_p;
    u[2] = even_p - odd_p;
    u[3] = even_q + odd_q;
    u[4] = even_q - odd_q;
    u[5] = g[2];
}

static inline __attribute__((always_inline)) void transform_output(const clr_vec m[6], clr_vec y[4])
{
    clr_vec even_p = m[1] + m[2], odd_p = m[1] - m[2], even_q = m[3] + m[4], odd_q = m[3] - m[4];
    y[0] = m[0] + (even_p + even_q);
    y[1] = P * odd_p + Q * odd_q;
    y[2] = PP * even_p + QQ * even_q;
    y[3] = PP * P * odd_p + (QQ * Q * odd_q + m[5]);
}

static inline __attribute__((always_inline)) void transform_gradient(const clr_vec dy[4], clr_vec m[6])
{
    clr_vec even_p = dy[0] + PP * dy[2], odd_p = P * dy[1] + PP * P * dy[3];
    clr_vec even_q = dy[0] + QQ * dy[2], odd_q = Q * dy[1] + QQ * Q * dy[3];
    m[0] = dy[0];
    m[1] = even_p + odd_p;
    m[2] = even_p - odd_p;
    m[3] = even_q + odd_q;
    m[4] = even_q - odd_q;
    m[5] = dy[3];
}

static inline __attribute__((always_inline)) void collect_weight(const clr_vec z[6], clr_vec dw[3])
{
    clr_vec even_p = AT_P * (z[1] + z[2]), odd_p = AT_P * P * (z[1] - z[2]);
    clr_vec even_q = AT_Q * (z[3] + z[4]), odd_q = AT_Q * Q * (z[3] - z[4]);
    dw[0] = AT_0 * z[0] + (even_p + even_q);
    dw[1] = odd_p + odd_q;
    dw[2] = PP * even_p + (QQ * even_q + z[5]);
}

#include "winograd_kernel.h"
