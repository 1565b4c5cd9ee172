/* SPDX-License-Identifier: BSD-3-Clause */
/* Every member of the table, in every direction, on a table of shapes, against the reference member, and what is
   fused (residual, batch norm's and ReLU's backward, moments) against plain formulas. Relative L2 error; the bound is c
   eps sqrt(length of the sum), c = 4 for plain sums; Winograd's transforms cost a factor (src/conv/winograd.c). What is
   made element by element: 2 eps of the sum of its terms' sizes.

   With bf16 every factor is a bf16 number, activated values too, so that solvers that round factors and those that need
   not agree; what is stored differs by its rounding, 2^-8 of itself, and what reads it by as much. Moments are compared
   with those of what the solver stored. */
#include "clr/conv.h"
#include "clr/isa.h"
#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/test.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int n, h, w, c, k, kernel, stride, pad;
} shapes[] = {
    {2, 8, 8, 16, 16, 3, 1, 1},     {3, 7, 7, 32, 16, 3, 1, 1},
    {2, 14, 14, 16, 48, 3, 1, 1},   {5, 4, 4, 64, 64, 3, 1, 1},
    {2, 9, 11, 5, 7, 3, 1, 1},      {2, 8, 8, 32, 64, 3, 2, 1},
    {2, 7, 9, 17, 33, 3, 2, 1},     {3, 10, 10, 1, 16, 3, 1, 1},
    {2, 17, 17, 3, 20, 7, 2, 3},    {2, 6, 6, 64, 32, 1, 1, 0},
    {2, 7, 7, 24, 100, 1, 2, 0},    {4, 1, 1, 96, 130, 1, 1, 0},
    {1, 12, 5, 8, 8, 5, 1, 2},      {1, 5, 6, 4, 6, 5, 3, 0},
    {2, 6, 6, 300, 16, 3, 1, 1},    {1, 30, 40, 16, 16, 3, 1, 0},
    {2, 3, 3, 256, 208, 3, 1, 1},   {1, 1, 1, 16, 16, 3, 1, 1},
    {9, 2, 2, 16, 32, 3, 2, 1},     {2, 5, 5, 700, 80, 1, 1, 0},
    {2, 5, 5, 40, 600, 1, 2, 0},    {3, 9, 9, 40, 72, 1, 3, 0},
    {2, 40, 40, 3, 64, 3, 1, 1},    {2, 6, 6, 130, 65, 3, 2, 1},
    {5, 116, 116, 4, 64, 1, 1, 0},  {5, 116, 116, 64, 4, 1, 2, 0},
    {3, 120, 120, 64, 16, 1, 1, 0}, /* large enough to go past the caches */
};

/* What a call gives: its result, what it computed on the way (residual: x; batch norm's backward: dy), its moments. */
typedef struct outcome {
    float *out, *made;
    double *moments;
} outcome;

typedef struct data {
    clr_conv_problem a;
    float *x, *bn_input, *y, *g, *w, *prologue, *mean, *bn_backward, *start; /* with bf16: of its numbers */
    outcome got, want;
    char *workspace;
    int64_t xs, ys, ws;
} data;

static float *random_floats(int64_t n, clr_rng *rng, double mean, double deviation)
{
    float *at = CLR_NEW(float, n);

    for (int64_t i = 0; i < n; i++)
        at[i] = (float)(mean + deviation * clr_rng_normal(rng));
    return at;
}

static outcome outcome_for(const data *d, int64_t most)
{
    return (outcome){CLR_NEW(float, most), CLR_NEW(float, clr_max64(d->xs, d->ys)),
                     CLR_NEW(double, 2 * (d->a.c + d->a.k))};
}

enum { GUARD = 256 }; /* bytes behind a workspace that must stay as they are */

static size_t most_workspace(const clr_conv_problem *a)
{
    size_t most = 0;

    for (const clr_conv_solver *const *solver = clr_conv_solvers; *solver; solver++)
        for (int direction = 0; direction < CLR_DIRECTIONS; direction++)
            if (clr_conv_serves(*solver, a, (clr_direction)direction)) {
                size_t bytes = clr_conv_workspace(*solver, a, (clr_direction)direction);
                most = bytes > most ? bytes : most;
            }
    return most;
}

static void round_all(float *at, int64_t n, float step)
{
    for (int64_t i = 0; i < n; i++)
        at[i] = step > 0 ? fminf(fmaxf(roundf(at[i] / step) * step, -4), 4) : clr_bf16_value(clr_bf16_of(at[i]));
}

/* Activated values of bf16 have 8 bits: odd multiples of 1/32 up to 5. */
static void fit_bf16(data *d, int64_t most)
{
    float *const all[] = {d->bn_input, d->y, d->g, d->w, d->start};
    const int64_t count[] = {d->xs, d->ys, d->ys, d->ws, most};

    for (size_t i = 0; i < CLR_COUNT(all); i++)
        round_all(all[i], count[i], 0);
    round_all(d->x, d->xs, 0.125f);
    for (int i = 0; i < d->a.c; i++) {
        d->prologue[i] = d->prologue[i] < 0 ? -0.5f : d->prologue[i] < 0.5f ? 0.5f : 1;
        d->prologue[d->a.c + i] = (2 * roundf(fminf(fmaxf(d->prologue[d->a.c + i], -0.9f), 0.9f) * 16) + 1) / 32;
    }
}

/* n numbers as the problem stores them; and back. The caller frees. */
static void *stored(const data *d, const float *from, int64_t n)
{
    void *to = clr_alloc((size_t)n * clr_dtype_bytes(d->a.dtype), 1);

    for (int64_t i = 0; i < n && d->a.dtype == CLR_BF16; i++)
        ((uint16_t *)to)[i] = clr_bf16_of(from[i]);
    if (d->a.dtype == CLR_FP32)
        memcpy(to, from, (size_t)n * sizeof *from);
    return to;
}

static void take(const data *d, void *from, int64_t n, float *to)
{
    for (int64_t i = 0; i < n && to; i++)
        to[i] = d->a.dtype == CLR_BF16 ? clr_bf16_value(((const uint16_t *)from)[i]) : ((const float *)from)[i];
    clr_free(from);
}

/* x, and the scale and shift of its prologue, are such that scale x + shift is exact in fp32 and never zero: no mask
   hangs on rounding. */
static data make(int shape, clr_dtype dtype)
{
    data d = {.a = clr_conv_problem_of(shapes[shape].n, shapes[shape].h, shapes[shape].w, shapes[shape].c,
                                       shapes[shape].k, shapes[shape].kernel, shapes[shape].stride, shapes[shape].pad)};
    clr_conv_problem *a = &d.a;
    clr_rng rng = clr_rng_for(5, 0, (uint64_t)shape, 0, 0);

    a->dtype = dtype;
    d.xs = (int64_t)a->n * a->h * a->w * a->c;
    d.ys = (int64_t)a->n * a->p * a->q * a->k;
    d.ws = (int64_t)a->r * a->s * a->c * a->k;
    int64_t most = clr_max64(d.xs, clr_max64(d.ys, d.ws));
    d.x = random_floats(d.xs, &rng, 0.3, 1);
    d.bn_input = random_floats(d.xs, &rng, 0, 1);
    d.y = random_floats(d.ys, &rng, 0, 1);
    d.g = random_floats(d.ys, &rng, 0, 1);
    d.bn_backward = random_floats(4 * a->k, &rng, 0.5, 1);
    d.w = random_floats(d.ws, &rng, 0, 1);
    d.prologue = random_floats(2 * a->c, &rng, 0.5, 0.5);
    d.mean = random_floats(a->c, &rng, 0, 1);
    d.start = random_floats(most, &rng, 0, 1);
    d.got = outcome_for(&d, most);
    d.want = outcome_for(&d, most);
    d.workspace = clr_alloc(most_workspace(a) + GUARD, 1);
    for (int64_t i = 0; i < d.xs; i++)
        d.x[i] = roundf(d.x[i] * 64) / 64;
    for (int i = 0; i < a->c; i++) {
        d.prologue[i] = roundf(d.prologue[i] * 64) / 64;
        d.prologue[a->c + i] = (2 * roundf(d.prologue[a->c + i] * 4096) + 1) / 8192;
    }
    if (dtype == CLR_BF16)
        fit_bf16(&d, most);
    return d;
}

static void drop(data *d)
{
    void *all[] = {d->x,           d->bn_input,    d->y,         d->g,           d->w,       d->prologue,
                   d->mean,        d->bn_backward, d->start,     d->workspace,   d->got.out, d->got.made,
                   d->got.moments, d->want.out,    d->want.made, d->want.moments};

    for (size_t i = 0; i < CLR_COUNT(all); i++)
        clr_free(all[i]);
}

/* forward has no accumulate; only backward_data has relu_backward and bn_input; the two others have `makes`
   (residual; batch norm's backward). */
typedef struct variant {
    const char *name;
    bool prologue, relu, accumulate, relu_backward, bn_input, moments, makes, fewer;
} variant;

static const variant variants[] = {
    {"plain", .moments = true},
    {"prologue", .prologue = true, .relu = true, .moments = true},
    {"accumulated", .accumulate = true, .moments = true},
    {"prologue, ReLU backward, moments", .prologue = true, .relu = true, .relu_backward = true, .moments = true},
    {"fewer images than planned for", .moments = true, .fewer = true},
    {"ReLU backward without moments", .prologue = true, .relu = true, .relu_backward = true},
    {"residual, batch norm backward", .relu = true, .accumulate = true, .relu_backward = true, .bn_input = true,
     .moments = true, .makes = true},
    {"residual with prologue, batch norm backward", .prologue = true, .accumulate = true, .relu_backward = true,
     .bn_input = true, .moments = true, .makes = true},
    {"residual with prologue and ReLU, batch norm backward", .prologue = true, .relu = true, .accumulate = true,
     .relu_backward = true, .bn_input = true, .moments = true, .makes = true},
};

typedef struct call {
    clr_direction direction;
    int images;
    variant is;
    const float *x, *dy; /* NULL: of the data */
} call;

static call call_of(const data *d, clr_direction direction, const variant *v)
{
    call c = {direction, v->fewer ? (d->a.n + 1) / 2 : d->a.n, *v, NULL, NULL};

    c.is.accumulate &= direction != CLR_FORWARD;
    c.is.relu_backward &= direction == CLR_BACKWARD_DATA;
    c.is.makes &= direction != CLR_BACKWARD_DATA;
    c.is.moments &= direction == CLR_FORWARD || c.is.relu_backward;
    return c;
}

static int64_t floats_of(const data *d, clr_direction direction)
{
    return direction == CLR_FORWARD ? d->ys : direction == CLR_BACKWARD_DATA ? d->xs : d->ws;
}

static clr_prologue prologue_of(const data *d, const variant *v)
{
    return v->prologue ? (clr_prologue){d->prologue, d->prologue + d->a.c, v->relu}
                       : (clr_prologue){.relu = v->relu_backward && v->relu};
}

static void run(const clr_conv_solver *solver, const data *d, const call *c, const outcome *to)
{
    const int k = d->a.k;
    const int64_t made = c->direction == CLR_FORWARD ? d->xs : d->ys;
    void *x = stored(d, c->x ? c->x : d->x, d->xs), *dy = stored(d, c->dy ? c->dy : d->y, d->ys),
         *bn_input = stored(d, d->bn_input, d->xs), *g = stored(d, d->g, d->ys), *maker = stored(d, to->made, made),
         *out = c->direction == CLR_BACKWARD_WEIGHT ? to->out : stored(d, d->start, floats_of(d, c->direction));
    clr_conv_args args = {.images = c->images,
                          .x = x,
                          .prologue = c->x ? (clr_prologue){0} : prologue_of(d, &c->is),
                          .weight = d->w,
                          .y = out,
                          .dy = dy,
                          .dx = out,
                          .dw = to->out,
                          .accumulate = c->is.accumulate,
                          .relu_backward = c->is.relu_backward,
                          .bn_input = c->is.bn_input ? bn_input : NULL,
                          .mean = d->mean,
                          .moments = c->is.moments ? to->moments : NULL,
                          .workspace = d->workspace};
    char *end = d->workspace + clr_conv_workspace(solver, &d->a, c->direction);

    if (c->is.makes && c->direction == CLR_FORWARD) {
        args.residual =
            (clr_conv_residual){bn_input, x, {d->prologue, d->prologue + d->a.c, false}, args.prologue, maker};
        args.x = maker, args.prologue = (clr_prologue){0};
    } else if (c->is.makes) {
        clr_free(maker);
        args.dy = args.y = maker = stored(d, d->y, d->ys);
        args.bn_backward = (clr_conv_bn_backward){g, d->bn_backward, d->bn_backward + k, d->bn_backward + 2 * k,
                                                  d->bn_backward + 3 * k};
    }
    if (c->direction == CLR_BACKWARD_WEIGHT)
        memcpy(to->out, d->start, (size_t)d->ws * sizeof *to->out);
    memset(end, 0x5a, GUARD);
    clr_conv_apply(solver, &d->a, c->direction, &args);
    for (int i = 0; i < GUARD; i++)
        if (end[i] != 0x5a)
            ck_abort_msg("%s wrote past its workspace", solver->name);
    take(d, x, 0, NULL), take(d, dy, 0, NULL), take(d, bn_input, 0, NULL), take(d, g, 0, NULL);
    take(d, maker, made, to->made);
    if (c->direction != CLR_BACKWARD_WEIGHT)
        take(d, out, floats_of(d, c->direction), to->out);
}

/* ---- plain formulas of what is fused ---- */

/* relu(prologue(bn_input) + prologue of v (x)); size: of its terms. */
static double plain_residual_add(const data *d, const variant *v, int64_t i, double *size)
{
    int c = (int)(i % d->a.c);
    double scale = d->prologue[c], shift = d->prologue[d->a.c + c],
           other = v->prologue ? scale * d->x[i] + shift : d->x[i];

    other = v->prologue && v->relu && other < 0 ? 0 : other;
    *size = fabs(scale * d->bn_input[i]) + fabs(shift) + fabs(other);
    return fmax(0, scale * d->bn_input[i] + shift + other);
}

static double plain_bn_backward(const data *d, int64_t i, double *size)
{
    int k = (int)(i % d->a.k);
    const float *t = d->bn_backward + k;
    double from_g = (double)t[0] * d->g[i], from_y = t[d->a.k] * ((double)d->y[i] - t[3 * d->a.k]),
           rest = t[2 * d->a.k];

    *size = fabs(from_g) + fabs(from_y) + fabs(rest);
    return from_g + from_y + rest;
}

static void plain_mask(const data *d, const variant *v, int64_t n, float *dx)
{
    for (int64_t i = 0; i < n; i++) {
        int c = (int)(i % d->a.c);
        double shown = v->prologue ? (double)d->prologue[c] * d->x[i] + d->prologue[d->a.c + c] : d->x[i];
        dx[i] = v->relu && shown <= 0 ? 0 : dx[i];
    }
}

/* Sums by channel of a (rows, channels), and of a times b - mean. */
static void plain_moments(const float *a, const float *b, const float *mean, int64_t n, int channels, double *moments)
{
    memset(moments, 0, 2 * (size_t)channels * sizeof *moments);
    for (int64_t i = 0; i < n; i++) {
        int64_t c = i % channels;
        moments[c] += a[i];
        moments[channels + c] += a[i] * ((double)b[i] - (mean ? mean[c] : 0));
    }
}

static void expect(data *d, const call *c, int64_t n, int64_t made)
{
    const clr_conv_solver *reference = NULL;
    call bare = *c;
    double size;

    for (int i = 0; clr_conv_solvers[i]; i++)
        reference = clr_conv_solvers[i];
    for (int64_t i = 0; i < made; i++)
        d->want.made[i] = (float)(c->direction == CLR_FORWARD ? plain_residual_add(d, &c->is, i, &size)
                                                              : plain_bn_backward(d, i, &size));
    *(c->direction == CLR_FORWARD ? &bare.x : &bare.dy) = made ? d->want.made : NULL;
    bare.is.relu_backward = bare.is.moments = bare.is.makes = false;
    run(reference, d, &bare, &d->want);
    if (c->is.relu_backward)
        plain_mask(d, &c->is, n, d->want.out);
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
        size += d->want.moments[i] * d->want.moments[i];
        difference += (d->got.moments[i] - d->want.moments[i]) * (d->got.moments[i] - d->want.moments[i]);
    }
    return sqrt(difference / size);
}

/* The reference too, which tests the passes of clr_conv_apply. */
static void compare(data *d, int shape, clr_direction direction, const variant *v)
{
    const clr_conv_problem *a = &d->a;
    const call c = call_of(d, direction, v);
    int64_t total = floats_of(d, direction), n = direction == CLR_BACKWARD_WEIGHT ? total : total / a->n * c.images;
    int64_t made =
        c.is.makes ? floats_of(d, direction == CLR_FORWARD ? CLR_BACKWARD_DATA : CLR_FORWARD) / a->n * c.images : 0;
    double rounding = a->dtype == CLR_BF16 ? 0x1p-8 : 0;
    double length = direction == CLR_FORWARD         ? a->r * a->s * a->c
                    : direction == CLR_BACKWARD_DATA ? a->r * a->s * a->k
                                                     : (double)a->n * a->p * a->q;

    expect(d, &c, n, made);
    for (const clr_conv_solver *const *next = clr_conv_solvers; *next; next++) {
        const clr_conv_solver *solver = *next;
        if (!clr_conv_serves(solver, a, direction))
            continue;
        double bound = (strncmp(solver->name, "winograd", 8) ? 4 : 40) * FLT_EPSILON * sqrt(length);
        run(solver, d, &c, &d->got);
        double error = far(d->got.out, d->want.out, n);
        if (direction != CLR_BACKWARD_WEIGHT || c.is.makes)
            ck_assert_msg(error < bound + rounding, "%s %s, direction %d, shape %d, %s: error %.2e, bound %.2e",
                          solver->name, clr_dtype_name(a->dtype), direction, shape, v->name, error, bound + rounding);
        else
            ck_assert_msg(error < bound, "%s, direction %d, shape %d, %s: error %.2e, bound %.2e", solver->name,
                          direction, shape, v->name, error, bound);
        ck_assert_msg(!memcmp(d->got.out + n, d->start + n, (size_t)(total - n) * sizeof(float)),
                      "%s wrote past its images", solver->name);
        for (int64_t i = 0; i < made; i++) {
            double size, want = direction == CLR_FORWARD ? plain_residual_add(d, &c.is, i, &size)
                                                         : plain_bn_backward(d, i, &size);
            if (!(fabs(d->got.made[i] - want) <=
                  2 * FLT_EPSILON * size + rounding * fabs(want))) /* each assertion is a write to a file */
                ck_abort_msg("%s, direction %d, shape %d, %s: made %g of %g at %lld", solver->name, direction, shape,
                             v->name, d->got.made[i], want, (long long)i);
        }
        if (c.is.moments) {
            if (direction == CLR_FORWARD)
                plain_moments(d->got.out, d->got.out, NULL, n, a->k, d->want.moments);
            else
                plain_moments(d->got.out, c.is.bn_input ? d->bn_input : d->x, d->mean, n, a->c, d->want.moments);
            error = distance_of_moments(d, 2 * (direction == CLR_FORWARD ? a->k : a->c));
            ck_assert_msg(error <= 4 * bound, "%s: moments, direction %d, shape %d, %s: %.2e", solver->name, direction,
                          shape, v->name, error);
        }
    }
}

START_TEST(members_agree_with_the_reference)
{
    data d = make(_i / CLR_DTYPES, (clr_dtype)(_i % CLR_DTYPES));

    for (int direction = 0; direction < CLR_DIRECTIONS; direction++)
        for (size_t v = 0; v < CLR_COUNT(variants); v++)
            compare(&d, _i / CLR_DTYPES, (clr_direction)direction, &variants[v]);
    drop(&d);
}
END_TEST

/* Mean 1e4 times the deviation: fp32 sums of squares would keep no digit of the variance. */
START_TEST(moments_hold_large_means)
{
    data d = make(9, CLR_FP32);
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
    const call plain = call_of(&d, CLR_FORWARD, &variants[0]);
    run(implicit, &d, &plain, &d.got);
    for (int k = 0; k < a->k; k++) {
        double sum = 0, square = 0, mean,
               variance = d.got.moments[a->k + k] / (double)rows - pow(d.got.moments[k] / (double)rows, 2);
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
    data d = make(_i / CLR_DTYPES, (clr_dtype)(_i % CLR_DTYPES));

    for (const clr_conv_solver *const *solver = clr_conv_solvers; *solver; solver++)
        for (int direction = 0; direction < CLR_DIRECTIONS; direction++) {
            const call c = call_of(&d, (clr_direction)direction, &variants[CLR_COUNT(variants) - 1]);
            if (!clr_conv_serves(*solver, &d.a, c.direction))
                continue;
            run(*solver, &d, &c, &d.got);
            run(*solver, &d, &c, &d.want);
            ck_assert(!memcmp(d.got.out, d.want.out, (size_t)floats_of(&d, c.direction) * sizeof *d.got.out));
            if (c.is.moments)
                ck_assert(!memcmp(d.got.moments, d.want.moments,
                                  2 * (size_t)(direction == CLR_FORWARD ? d.a.k : d.a.c) * sizeof *d.got.moments));
        }
    drop(&d);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create(clr_isa_name(clr_isa_current()));

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, members_agree_with_the_reference, 0, (int)CLR_COUNT(shapes) * CLR_DTYPES);
    tcase_add_loop_test(tcase, same_threads_same_bits, 0, (int)CLR_COUNT(shapes) * CLR_DTYPES);
    tcase_add_test(tcase, moments_hold_large_means);
    return clr_test_run("conv", tcase, CK_NOFORK);
}
