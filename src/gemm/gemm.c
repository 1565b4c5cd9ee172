/* SPDX-License-Identifier: BSD-3-Clause */
/* BLIS, one thread a call: callers split the work. */
#include "clr/gemm.h"

#include "clr/isa.h"

#ifdef CLR_BLIS_FOLDER
#include <blis/blis.h>
#else
#include <blis.h>
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* GCC 9 and 10 do not know the name; there Zen 3 has the kernels for Haswell. */
#if defined(__clang__) || __GNUC__ >= 11
#define ZEN3 __builtin_cpu_is("znver3")
#else
#define ZEN3 false
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* BLIS 0.9 knows processors of Intel by what they can, of AMD by their family, up to Zen 3; of any that came later
   it takes the kernels in plain C, at an eighth of the speed. BLIS_ARCH_TYPE of the user's stands. */
static void name_processor(void)
{
#if defined(CLR_HAVE_X86) && defined(BLIS_CONFIG_SKX) && defined(BLIS_CONFIG_HASWELL)
    clr_isa isa = clr_isa_current();
    bool older = __builtin_cpu_is("amdfam15h") || __builtin_cpu_is("amdfam17h") || ZEN3;
    char type[16];

    if (isa == CLR_ISA_PORTABLE || __builtin_cpu_is("intel") || older)
        return;
    snprintf(type, sizeof type, "%d", isa >= CLR_ISA_AVX512 ? (int)BLIS_ARCH_SKX : (int)BLIS_ARCH_HASWELL);
    setenv("BLIS_ARCH_TYPE", type, 0);
#endif
}

static void start(void)
{
    name_processor();
    bli_init();
    bli_thread_set_num_threads(1);
}

void clr_gemm_start(void)
{
    pthread_once(&once, start);
}

void clr_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
              const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    clr_gemm_start();
    if (m <= 0 || n <= 0)
        return;
    /* Transposing a row-major matrix is exchanging its strides. */
    bli_sgemm(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, m, n, k, &alpha, (float *)(uintptr_t)a, ta ? 1 : lda, ta ? lda : 1,
              (float *)(uintptr_t)b, tb ? 1 : ldb, tb ? ldb : 1, &beta, c, ldc, 1);
}

CLR_KERNEL_DECLARE(const clr_panel_op, clr_panel);

const clr_panel_op *clr_panel_current(void)
{
    return CLR_KERNEL_PICK(clr_panel);
}

const char *clr_gemm_library(void)
{
    static char text[64];

    clr_gemm_start();
    snprintf(text, sizeof text, "BLIS %s, %s", bli_info_get_version_str(), bli_arch_string(bli_arch_query_id()));
    return text;
}
