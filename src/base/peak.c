/* SPDX-License-Identifier: BSD-3-Clause */
/* Independent multiply-adds in registers: the peak arithmetic rate of a core. */
#include "clr/isa.h"

/* A vector register in an asm statement; where its letter is not known here, memory, which is right and slower. */
#if defined(__x86_64__)
#define IN_PLACE "+v"
#elif defined(__aarch64__)
#define IN_PLACE "+w"
#else
#define IN_PLACE "+m"
#endif

double CLR_KERNEL(clr_peak_flops)(long rounds);

/* Returns the number of floating-point operations. The sums go to `sink`, so that the compiler does not drop them. */
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
            __asm__ volatile("" : IN_PLACE(sum[i]));
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++)
        sink = sink + sum[i][0];
    return 2.0 * CHAINS * CLR_LANES * (double)rounds;
}
