#ifndef CLR_GEMM_H
#define CLR_GEMM_H
/* Matrix products through BLIS, single-threaded: callers split the work. Local; safe on several threads. */

#include <stdbool.h>
#include <stdint.h>

/* c (m, n) = alpha * op(a) (m, k) * op(b) (k, n) + beta * c, row-major with leading dimensions; op transposes where
   ta, tb say so. c must not overlap a or b. beta 0 overwrites whatever c holds. */
void clr_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b,
              int64_t ldb, float beta, float *c, int64_t ldc);

const char *clr_gemm_library(void); /* "BLIS 0.9.0, zen3" */

#endif
