/* Results too large for the caches are written past them: the same numbers as of the plain loops, which short calls run. */
#include "clr/mem.h"
#include "clr/nn.h"
#include "clr/rng.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { ROWS = 40000, K = 128, FEW = 1000 }; /* 5 M floats */

static float *filled(int64_t n, uint64_t salt)
{
    float *x = CLR_NEW(float, n);
    clr_rng rng = clr_rng_for(3, 0, salt, 0, 0);

    for (int64_t i = 0; i < n; i++)
        x[i] = (float)clr_rng_normal(&rng);
    return x;
}

/* 4 eps of the largest term. */
static void same(const float *a, const float *b)
{
    for (int64_t i = 0; i < (int64_t)ROWS * K; i++)
        ck_assert_msg(isnan(a[i]) ? isnan(b[i]) : fabsf(a[i] - b[i]) <= 4 * FLT_EPSILON * 32, "at %lld: %g, %g", (long long)i, a[i], b[i]);
}

START_TEST(joins)
{
    bool projected = _i & 1, relu = _i & 2;
    float *y = filled((int64_t)ROWS * K, 1), *shortcut = filled((int64_t)ROWS * K, 2), *scale = filled(4 * K, 3);
    float *whole = CLR_NEW(float, (int64_t)ROWS * K), *parts = CLR_NEW(float, (int64_t)ROWS * K);
    const clr_lens lens = {.scale = scale, .shift = scale + K};
    const clr_lens lens2 = {.scale = projected ? scale + 2 * K : NULL, .shift = projected ? scale + 3 * K : NULL, .relu = projected && relu};

    y[7] = NAN;
    shortcut[(int64_t)ROWS * K - 1] = NAN;
    clr_join(&(clr_conv_join){y, shortcut, lens, lens2, whole}, ROWS, K);
    for (int64_t at = 0; at < (int64_t)ROWS * K; at += FEW * K)
        clr_join(&(clr_conv_join){y + at, shortcut + at, lens, lens2, parts + at}, FEW, K);
    ck_assert(isnan(whole[7]));
    same(whole, parts);
    float *all[] = {y, shortcut, scale, whole, parts};
    for (size_t i = 0; i < CLR_COUNT(all); i++)
        clr_free(all[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("passes");
    TCase *tcase = tcase_create("streamed");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, joins, 0, 4);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
