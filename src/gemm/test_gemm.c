/* SPDX-License-Identifier: BSD-3-Clause */
/* Against plain sums in double, all transposes; tolerance 4 eps sqrt(k) of the largest. */
#include "clr/gemm.h"
#include "clr/rng.h"
#include "clr/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { M = 13, N = 21, K = 37, LD = 40 };

START_TEST(products)
{
    static float a[LD * LD], b[LD * LD], c[LD * LD], was[LD * LD];
    clr_rng rng = clr_rng_for(1, 0, (uint64_t)_i, 0, 0);
    bool ta = _i & 1, tb = _i & 2;
    float beta = _i & 4 ? 0.5f : 0;

    for (int i = 0; i < LD * LD; i++) {
        a[i] = (float)clr_rng_normal(&rng);
        b[i] = (float)clr_rng_normal(&rng);
        was[i] = c[i] = beta != 0 ? (float)clr_rng_normal(&rng) : NAN;
    }
    clr_gemm(ta, tb, M, N, K, 1.5f, a, LD, b, LD, beta, c, LD);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double sum = beta != 0 ? beta * (double)was[i * LD + j] : 0;
            for (int k = 0; k < K; k++)
                sum += 1.5 * (ta ? a[k * LD + i] : a[i * LD + k]) * (tb ? b[j * LD + k] : b[k * LD + j]);
            ck_assert_double_lt(fabs(c[i * LD + j] - sum), 4 * FLT_EPSILON * sqrt(K) * 8);
        }
    ck_assert(beta != 0 || isnan(c[M * LD]));
}
END_TEST

/* Every remainder of rows and columns, b as it is and transposed, a by rows and by columns, written and added, with
   memory asked for and without. */
START_TEST(panels)
{
    const clr_panel_op *op = clr_panel_current();
    static float a[LD * LD], b[LD * LD], c[LD * LD], was[LD * LD], packed[64 * LD];
    clr_rng rng = clr_rng_for(2, 0, (uint64_t)_i, 0, 0);
    bool across = _i & 1, transposed = _i & 2, add = _i & 4, prefetches = _i & 8;

    for (int m = 1; m <= 15; m++)
        for (int n = 1; n <= LD; n += n < 17 ? 1 : 5) {
            for (int i = 0; i < LD * LD; i++) {
                a[i] = (float)clr_rng_normal(&rng);
                b[i] = (float)clr_rng_normal(&rng);
                was[i] = c[i] = add || i / LD >= m || i % LD >= n ? (float)clr_rng_normal(&rng) : NAN;
            }
            const char *from = (const char *)b, *end = (const char *)(b + LD * LD);
            clr_prefetch more = {from, end, 3, NULL}, prefetch = {from, from, 3, &more};
            ck_assert_int_le(op->floats(K, n), 64 * LD);
            op->pack(transposed, K, n, 1.5f, b, LD, packed);
            op->multiply(m, n, K, a, across ? 1 : LD, across ? LD : 1, packed, add, c, LD,
                         prefetches ? &prefetch : NULL);
            ck_assert(!prefetches || (prefetch.at > from && prefetch.at <= prefetch.end));
            for (int i = 0; i < LD; i++)
                for (int j = 0; j < LD; j++) {
                    double sum = add ? was[i * LD + j] : 0;
                    for (int k = 0; k < K && i < m && j < n; k++)
                        sum += 1.5 * (across ? a[k * LD + i] : a[i * LD + k]) *
                               (transposed ? b[j * LD + k] : b[k * LD + j]);
                    if (i < m && j < n)
                        ck_assert_double_lt(fabs(c[i * LD + j] - sum), 4 * FLT_EPSILON * sqrt(K) * 8);
                    else
                        ck_assert(c[i * LD + j] == was[i * LD + j]);
                }
        }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("gemm");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, products, 0, 8);
    tcase_add_loop_test(tcase, panels, 0, 16);
    return clr_test_run("gemm", tcase, CK_FORK_GETENV);
}
