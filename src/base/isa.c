/* SPDX-License-Identifier: BSD-3-Clause */
/* Which kernels run on this processor. */
#include "clr/isa.h"

#include "clr/log.h"

#ifdef CLR_HAVE_AVX512BF16
#include <cpuid.h>
#endif
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[CLR_ISAS] = {"portable", "avx2", "avx512", "avx512bf16"};

const char *clr_isa_name(clr_isa isa)
{
    return names[isa];
}

/* Bit 5 of EAX of leaf 7, subleaf 1: compilers differ in whether they know it by name. */
static bool multiplies_bf16(void)
{
#ifdef CLR_HAVE_AVX512BF16
    unsigned a = 0, b, c, d;

    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1 << 5);
#else
    return false;
#endif
}

static clr_isa best(void)
{
#ifdef CLR_HAVE_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return multiplies_bf16() ? CLR_ISA_AVX512BF16 : CLR_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return CLR_ISA_AVX2;
#endif
    return CLR_ISA_PORTABLE;
}

clr_isa clr_isa_current(void)
{
    static atomic_int chosen = -1;
    int known = atomic_load_explicit(&chosen, memory_order_relaxed);

    if (known >= 0)
        return (clr_isa)known;
    clr_isa isa = best();
    const char *wanted = getenv("SIMCLR_ISA");
    if (wanted && *wanted) {
        int i = 0;
        while (i < CLR_ISAS && strcmp(names[i], wanted))
            i++;
        if (i > (int)isa)
            clr_warn("SIMCLR_ISA=%s is not to be had here; using %s", wanted, names[isa]);
        else
            isa = (clr_isa)i;
    }
    atomic_store_explicit(&chosen, (int)isa, memory_order_relaxed);
    return isa;
}
