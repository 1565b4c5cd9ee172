/* Every member of the table, in every direction, against the reference member on a table of shapes. Relative L2 error; the bound is
   c eps sqrt(length of the sum), c = 4 for plain sums; Winograd's transforms cost a factor (src/conv/winograd.c). */
#include "clr/conv.h"
#include "clr/isa.h"
#include "clr/mem.h"
#include "clr/rng.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int n, h, w, c, k, kernel, stride, pad;
} shapes[] = {
    {2, 8, 8, 16, 16, 3, 1, 1},   {3, 7, 7, 32, 16, 3, 1, 1},   {2, 14, 14, 16, 48, 3, 1, 1}, {5, 4, 4, 64, 64, 3, 1, 1},
    {2, 9, 11, 5, 7, 3, 1, 1},    {2, 8, 8, 32, 64, 3, 2, 1},   {2, 7, 9, 17, 33, 3, 2, 1},   {3, 10, 10, 1, 16, 3, 1, 1},
    {2, 17, 17, 3, 20, 7, 2, 3},  {2, 6, 6, 64, 32, 1, 1, 0},   {2, 7, 7, 24, 100, 1, 2, 0},  {4, 1, 1, 96, 130, 1, 1, 0},
    {1, 12, 5, 8, 8, 5, 1, 2},    {1, 5, 6, 4, 6, 5, 3, 0},     {2, 6, 6, 300, 16, 3, 1, 1},  {1, 30, 40, 16, 16, 3, 1, 0},
    {2, 3, 3, 256, 208, 3, 1, 1}, {1, 1, 1, 16, 16, 3, 1, 1},   {9, 2, 2, 16, 32, 3, 2, 1},
    {2, 5, 5, 700, 80, 1, 1, 0},  {2, 5, 5, 40, 600, 1, 2, 0},  {3, 9, 9, 40, 72, 1, 3, 0},
    {2, 40, 40, 3, 64, 3, 1, 1},  {2, 6, 6, 130, 65, 3, 2, 1},
    {5, 116, 116, 4, 64, 1, 1, 0}, {5, 116, 116, 64, 4, 1, 2, 0}, {3, 120, 120, 64, 16, 1, 1, 0}, /* large enough to go past the caches */
};

typedef struct data {
    clr_conv_problem a;
    float *x, *about, *y, *g, *made, *want_made, *w, *lens, *mean, *turns, *start, *out, *want;
    double *moments, *want_moments;
    int64_t xs, ys, ws;
} data;

static float *random_floats(int64_t n, clr_rng *rng, double mean, double deviation)
{
    float *at = CLR_NEW(float, n);

    for (int64_t i = 0; i < n; i++)
        at[i] = (float)(mean + deviation * clr_rng_normal(rng));
    return at;
}

static data make(int shape)
{
    data d = {.a = clr_conv_problem_of(shapes[shape].n, shapes[shape].h, shapes[shape].w, shapes[shape].c, shapes[shape].k,
                                       shapes[shape].kernel, shapes[shape].stride, shapes[shape].pad)};
    const clr_conv_problem *a = &d.a;
    clr_rng rng = clr_rng_for(5, 0, (uint64_t)shape, 0, 0);

    d.xs = (int64_t)a->n * a->h * a->w * a->c;
    d.ys = (int64_t)a->n * a->p * a->q * a->k;
    d.ws = (int64_t)a->r * a->s * a->c * a->k;
    int64_t most = clr_max64(d.xs, clr_max64(d.ys, d.ws));
    d.x = random_floats(d.xs, &rng, 0.3, 1);
    d.about = random_floats(d.xs, &rng, 0, 1);
    d.y = random_floats(d.ys, &rng, 0, 1);
    d.g = random_floats(d.ys, &rng, 0, 1);
    d.turns = random_floats(4 * a->k, &rng, 0.5, 1);
    d.made = CLR_NEW(float, clr_max64(d.xs, d.ys));
    d.want_made = CLR_NEW(float, clr_max64(d.xs, d.ys));
    d.w = random_floats(d.ws, &rng, 0, 1);
    d.lens = random_floats(2 * a->c, &rng, 0.5, 0.5);
    d.mean = random_floats(a->c, &rng, 0, 1);
    d.start = random_floats(most, &rng, 0, 1);
    d.out = CLR_NEW(float, most);
    d.want = CLR_NEW(float, most);
    d.moments = CLR_NEW(double, 2 * (a->c + a->k));
    d.want_moments = CLR_NEW(double, 2 * (a->c + a->k));
    return d;
}

static void drop(data *d)
{
    void *all[] = {d->x,    d->about, d->y,    d->g,   d->turns, d->made,    d->want_made, d->w,
                   d->lens, d->mean,  d->start, d->out, d->want,  d->moments, d->want_moments};

    for (size_t i = 0; i < CLR_COUNT(all); i++)
        clr_free(all[i]);
}

typedef struct variant {
    bool lens, accumulate, seen, joined;
    float *made; /* NULL, or where x is joined, or y turned */
} variant;

static void run(const clr_conv_solver *solver, data *d, clr_direction direction, int images, variant v, float *out, double *moments)
{
    int64_t n = direction == CLR_FORWARD ? d->ys : direction == CLR_BACKWARD_DATA ? d->xs : d->ws;
    void *workspace = clr_alloc(clr_conv_workspace(solver, &d->a, direction), 1);
    clr_conv_args args = {.images = images, .x = d->x, .weight = d->w, .y = out, .dy = d->y, .dx = out, .dw = out,
                          .accumulate = v.accumulate, .seen = v.seen, .mean = d->mean, .moments = moments,
                          .workspace = workspace};
    const int k = d->a.k;

    if (v.lens)
        args.lens = (clr_lens){d->lens, d->lens + d->a.c, true};
    if (v.joined)
        args.lens.relu = true, args.about = d->about;
    if (v.made && direction == CLR_FORWARD) {
        args.join = (clr_conv_join){d->x, d->about, {d->lens, d->lens + d->a.c, false}, args.lens, v.made};
        args.x = v.made, args.lens = (clr_lens){0};
    } else if (v.made) {
        memcpy(v.made, d->y, (size_t)d->ys * sizeof *d->y);
        args.dy = args.y = v.made;
        args.turn = (clr_conv_turn){d->g, d->turns, d->turns + k, d->turns + 2 * k, d->turns + 3 * k};
    }
    memcpy(out, d->start, (size_t)n * sizeof *out);
    clr_conv_apply(solver, &d->a, direction, &args);
    clr_free(workspace);
}

static double far(const float *got, const float *want, int64_t n)
{
    double difference = 0, size = 0;

    for (int64_t i = 0; i < n; i++) {
        difference += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        size += (double)want[i] * want[i];
    }
    return sqrt(difference / (size > 0 ? size : 1));
}

static double distance_of_moments(const data *d, int count)
{
    double size = 0, difference = 0;

    for (int i = 0; i < count; i++) {
        size += d->want_moments[i] * d->want_moments[i];
        difference += (d->moments[i] - d->want_moments[i]) * (d->moments[i] - d->want_moments[i]);
    }
    return sqrt(difference / size);
}

/* Plain; with a lens; accumulated; with lens, mask and moments; fewer images than planned for; mask without moments; accumulated, mask of a
   join and moments about what it joins; the same with a lens. The last two of the
   gradient of the weight with a turn, and forward with a join. */
enum { VARIANTS = 8 };

static void compare(data *d, int shape, clr_direction direction, int number)
{
    const clr_conv_problem *a = &d->a;
    const clr_conv_solver *reference = NULL;
    bool late = number >= 6, data_gradient = direction == CLR_BACKWARD_DATA, makes = late && !data_gradient;
    variant v = {.lens = number & 1, .accumulate = number == 2 && direction != CLR_FORWARD, .joined = late && data_gradient,
                 .made = makes ? d->made : NULL};
    v.accumulate |= v.joined;
    v.seen = (number == 3 || number == 5 || late) && data_gradient;
    bool moments = number != 5 && (direction == CLR_FORWARD || v.seen);
    int images = number == 4 ? (a->n + 1) / 2 : a->n;
    int64_t total = direction == CLR_FORWARD ? d->ys : direction == CLR_BACKWARD_DATA ? d->xs : d->ws;
    int64_t n = direction == CLR_BACKWARD_WEIGHT ? d->ws : total / a->n * images;
    double length = direction == CLR_FORWARD ? a->r * a->s * a->c : direction == CLR_BACKWARD_DATA ? a->r * a->s * a->k : (double)a->n * a->p * a->q;

    for (int i = 0; clr_conv_solvers[i]; i++)
        reference = clr_conv_solvers[i];
    run(reference, d, direction, images, v, d->want, moments ? d->want_moments : NULL);
    size_t made = (size_t)((direction == CLR_FORWARD ? d->xs : d->ys) / a->n * images) * sizeof(float);
    if (makes)
        memcpy(d->want_made, d->made, made);
    for (const clr_conv_solver *const *next = clr_conv_solvers; *next != reference; next++) {
        const clr_conv_solver *solver = *next;
        if (!solver->applicable(a, direction) || !(solver->directions >> direction & 1))
            continue;
        double bound = (strncmp(solver->name, "winograd", 8) ? 4 : 40) * FLT_EPSILON * sqrt(length);
        run(solver, d, direction, images, v, d->out, moments ? d->moments : NULL);
        double error = far(d->out, d->want, n);
        ck_assert_msg(error < bound, "%s, direction %d, shape %d, variant %d: error %.2e, bound %.2e", solver->name, direction, shape, number,
                      error, bound);
        ck_assert_msg(!memcmp(d->out + n, d->start + n, (size_t)(total - n) * sizeof(float)), "%s wrote past its images", solver->name);
        ck_assert_msg(!makes || !memcmp(d->made, d->want_made, made), "%s joined or turned otherwise, direction %d, shape %d", solver->name,
                      direction, shape);
        if (moments) {
            error = distance_of_moments(d, 2 * (direction == CLR_FORWARD ? a->k : a->c));
            ck_assert_msg(error <= 4 * bound, "%s: moments, direction %d, shape %d: %.2e", solver->name, direction, shape, error);
        }
    }
}

START_TEST(members_agree_with_the_reference)
{
    data d = make(_i);

    for (int direction = 0; direction < CLR_DIRECTIONS; direction++)
        for (int number = 0; number < VARIANTS; number++)
            compare(&d, _i, (clr_direction)direction, number);
    drop(&d);
}
END_TEST

/* Mean 1e4 times the deviation: fp32 sums of squares would keep no digit of the variance. */
START_TEST(moments_hold_large_means)
{
    data d = make(9);
    const clr_conv_problem *a = &d.a;
    const clr_conv_solver *implicit = NULL;
    int64_t rows = (int64_t)a->n * a->h * a->w;

    for (const clr_conv_solver *const *solver = clr_conv_solvers; *solver; solver++)
        if (!strcmp((*solver)->name, "implicit"))
            implicit = *solver;
    ck_assert_ptr_nonnull(implicit);
    for (int64_t i = 0; i < d.xs; i++)
        d.x[i] = 1e4f + d.x[i];
    memset(d.w, 0, (size_t)d.ws * sizeof *d.w);
    for (int k = 0; k < a->k; k++)
        d.w[(int64_t)k * a->k + k] = 1;
    run(implicit, &d, CLR_FORWARD, a->n, (variant){0}, d.out, d.moments);
    for (int k = 0; k < a->k; k++) {
        double sum = 0, square = 0, mean, variance = d.moments[a->k + k] / (double)rows - pow(d.moments[k] / (double)rows, 2);
        for (int64_t row = 0; row < rows; row++)
            sum += d.x[row * a->c + k];
        mean = sum / (double)rows;
        for (int64_t row = 0; row < rows; row++)
            square += pow(d.x[row * a->c + k] - mean, 2);
        ck_assert_double_lt(fabs(variance - square / (double)rows), 1e-5 * square / (double)rows);
    }
    drop(&d);
}
END_TEST

START_TEST(same_threads_same_bits)
{
    for (const clr_conv_solver *const *solver = clr_conv_solvers; *solver; solver++)
        for (int direction = 0; direction < CLR_DIRECTIONS; direction++) {
            data d = make(_i);
            bool moments = direction == CLR_FORWARD;
            if ((*solver)->applicable(&d.a, (clr_direction)direction)) {
                int64_t n = direction == CLR_FORWARD ? d.ys : direction == CLR_BACKWARD_DATA ? d.xs : d.ws;
                run(*solver, &d, (clr_direction)direction, d.a.n, (variant){.lens = true}, d.out, moments ? d.moments : NULL);
                run(*solver, &d, (clr_direction)direction, d.a.n, (variant){.lens = true}, d.want, moments ? d.want_moments : NULL);
                ck_assert(!memcmp(d.out, d.want, (size_t)n * sizeof *d.out));
                ck_assert(!memcmp(d.moments, d.want_moments, 2 * (size_t)d.a.k * sizeof *d.moments));
            }
            drop(&d);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conv");
    TCase *tcase = tcase_create(clr_isa_name(clr_isa_current()));

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, members_agree_with_the_reference, 0, (int)CLR_COUNT(shapes));
    tcase_add_loop_test(tcase, same_threads_same_bits, 0, (int)CLR_COUNT(shapes));
    tcase_add_test(tcase, moments_hold_large_means);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
