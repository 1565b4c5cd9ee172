/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_GEMM_H
#define CLR_GEMM_H
/* Matrix products through BLIS, single-threaded: callers split the work. Local; safe on several threads. */

#include "clr/isa.h"

#include <stdbool.h>
#include <stdint.h>

/* Before there are other threads: may set an environment variable of BLIS. What needs it calls it too. */
void clr_gemm_start(void);

/* c (m, n) = alpha * op(a) (m, k) * op(b) (k, n) + beta * c, row-major with leading dimensions; op transposes where
   ta, tb say so. c must not overlap a or b. beta 0 overwrites whatever c holds. */
void clr_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
              const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

/* The same for tiles that stay in cache, where BLIS would spend its time on arranging them: b is arranged once, as
   panels, and serves many a. Local; safe on several threads. Take clr_panel_current(). */
typedef struct clr_panel_op {
    int64_t (*floats)(int k, int n); /* of panels */
    /* panels = alpha * op(b) (k, n); b is row-major, ldb apart. */
    void (*pack)(bool transposed, int k, int n, float alpha, const float *b, int64_t ldb, float *panels);
    /* c (m, n) = a . panels, added to what c holds where `add`; a[i, l] lies at a[i * row_step + l * k_step]. c must
       not overlap. ahead: NULL, or asked for at its pace with every CLR_LINE of k. */
    void (*multiply)(int m, int n, int k, const float *a, int64_t row_step, int64_t k_step, const float *panels,
                     bool add, float *c, int64_t ldc, clr_prefetch *prefetch);
} clr_panel_op;
const clr_panel_op *clr_panel_current(void);

const char *clr_gemm_library(void); /* "BLIS 0.9.0, zen3" */

#endif
