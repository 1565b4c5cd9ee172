/* Against plain sums in double, all transposes; tolerance 4 eps sqrt(k) of the largest. */
#include "clr/gemm.h"
#include "clr/rng.h"

#include <check.h>
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

int main(void)
{
    Suite *suite = suite_create("gemm");
    TCase *tcase = tcase_create("gemm");

    tcase_add_loop_test(tcase, products, 0, 8);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
