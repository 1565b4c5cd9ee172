/* SPDX-License-Identifier: BSD-3-Clause */
/* Every pair, a vector of j at a time; sums of CHUNK vectors in fp32, of chunks in double. */
#include "clr/isa.h"
#include "tsne.h"

extern clr_repulsion CLR_KERNEL(clr_repulsion);

enum { CHUNK = 64 };

static double sum(clr_vec v)
{
    double s = 0;

    for (int i = 0; i < CLR_LANES; i++)
        s += v[i];
    return s;
}

/* 1 / v to 2^-22: an estimate of 12 or 14 bits, and Newton's step r (2 - v r), which is faster than a division. */
INLINE clr_vec reciprocal(clr_vec v)
{
#if defined(__AVX512F__)
    clr_vec r = (clr_vec)_mm512_rcp14_ps((__m512)v);
#elif defined(__AVX2__)
    clr_vec r = (clr_vec)_mm256_rcp_ps((__m256)v);
#else
    return 1 / v;
#endif
#if defined(__AVX2__)
    return r * (2 - v * r);
#endif
}

void CLR_KERNEL(clr_repulsion)(const float *y, int64_t stride, int64_t from, int64_t to, float *out)
{
    const float *xs = y, *ys = y + stride;

    for (int64_t i = from; i < to; i++) {
        clr_vec x = clr_broadcast(xs[i]), yi = clr_broadcast(ys[i]), one = clr_broadcast(1);
        double fx = 0, fy = 0, z = 0;
        for (int64_t begin = 0; begin < stride; begin += CHUNK * CLR_LANES) {
            int64_t end = begin + CHUNK * CLR_LANES < stride ? begin + CHUNK * CLR_LANES : stride;
            clr_vec ax = {0}, ay = {0}, az = {0};
            for (int64_t j = begin; j < end; j += CLR_LANES) {
                clr_vec dx = x - clr_load(xs + j), dy = yi - clr_load(ys + j);
                clr_vec q = reciprocal(one + dx * dx + dy * dy), q2 = q * q;
                az += q;
                ax += q2 * dx;
                ay += q2 * dy;
            }
            fx += sum(ax);
            fy += sum(ay);
            z += sum(az);
        }
        out[i] = (float)fx;
        out[stride + i] = (float)fy;
        out[2 * stride + i] = (float)z;
    }
}
