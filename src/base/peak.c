/* SPDX-License-Identifier: BSD-3-Clause */
/* Multiply-adds as fast as the registers go: what a core's arithmetic can do at best. */
#include "clr/isa.h"

double CLR_KERNEL(clr_peak_flops)(long rounds);

/* Returns how many floating-point operations were done; the sum goes where the compiler cannot drop it. */
double CLR_KERNEL(clr_peak_flops)(long rounds)
{
    enum { CHAINS = 12 };
    static volatile float sink;
    clr_vec sum[CHAINS], factor = clr_broadcast(0.999999f), term = clr_broadcast(1e-6f);

#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++) /* unrolled, so that the array stays in registers */
        sum[i] = clr_broadcast((float)i);
    for (long round = 0; round < rounds; round++) {
#pragma GCC unroll 16
        for (int i = 0; i < CHAINS; i++) {
            sum[i] = sum[i] * factor + term;
            __asm__ volatile("" : "+v"(sum[i]));
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++)
        sink = sink + sum[i][0];
    return 2.0 * CHAINS * CLR_LANES * (double)rounds;
}
