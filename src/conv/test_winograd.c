/* SPDX-License-Identifier: BSD-3-Clause */
/* Winograd's solvers: the identities that winograd.c derives, in double; each transform of the kernels against its
   matrix; the errors of whole convolutions, and their cutting among threads. test_conv compares all members besides. */
#include "clr/conv.h"
#include "clr/isa.h"
#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/test.h"
#include "winograd.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

CLR_STORED_DECLARE(const clr_winograd_kernel, clr_winograd4_kernel);
CLR_STORED_DECLARE(const clr_winograd_kernel, clr_winograd2_kernel);

enum { PANEL = CLR_WINOGRAD_PANEL, MOST = 6 };

/* A (a x m), G (a x 3) and B^T (a x a), from the points. */
typedef struct matrices {
    int m, a;
    double A[MOST][MOST], G[MOST][MOST], B[MOST][MOST];
} matrices;

/* poly, of `degree`, times (x - root). */
static void times(double *poly, int degree, double root)
{
    for (int i = degree + 1; i > 0; i--)
        poly[i] = poly[i - 1] - (i <= degree ? root * poly[i] : 0);
    poly[0] *= -root;
}

static matrices matrices_for(int m)
{
    static const double four[] = {0, 0.625, -0.625, 1.5, -1.5}, two[] = {0, 1, -1};
    const double *points = m == 4 ? four : two;
    matrices t = {.m = m, .a = m + 2};
    int last = t.a - 1;

    t.A[last][m - 1] = t.G[last][2] = t.B[last][0] = 1;
    for (int i = 0; i < last; i++) {
        double divisor = 1;
        int degree = 0;
        t.B[i][0] = 1;
        for (int j = 0; j < last; j++)
            if (j != i) {
                divisor *= points[i] - points[j];
                times(t.B[i], degree++, points[j]);
            }
        times(t.B[last], i, points[i]);
        for (int j = 0; j < m; j++)
            t.A[i][j] = pow(points[i], j);
        for (int j = 0; j < 3; j++)
            t.G[i][j] = pow(points[i], j) / divisor;
    }
    if (m == 2) /* the kernels invert these signs */
        for (int j = 0; j < MOST; j++)
            t.G[0][j] = -t.G[0][j], t.B[0][j] = -t.B[0][j];
    return t;
}

/* out = T in T^T, T (rows x columns), or with back of its transpose. */
static void around(const double T[MOST][MOST], int rows, int columns, bool back, const double in[MOST][MOST],
                   double out[MOST][MOST])
{
    int n = back ? columns : rows, inner = back ? rows : columns;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            out[i][j] = 0;
            for (int k = 0; k < inner; k++)
                for (int l = 0; l < inner; l++)
                    out[i][j] += (back ? T[k][i] : T[i][k]) * in[k][l] * (back ? T[l][j] : T[j][l]);
        }
}

static void fill(double tile[MOST][MOST], int n, clr_rng *rng)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            tile[i][j] = clr_rng_normal(rng);
}

static void multiply(const double x[MOST][MOST], const double y[MOST][MOST], double out[MOST][MOST])
{
    for (int i = 0; i < MOST; i++)
        for (int j = 0; j < MOST; j++)
            out[i][j] = x[i][j] * y[i][j];
}

/* y, dg and dd of one tile, by the transforms and directly: sums of up to 36 terms of double, with factors up to 40. */
START_TEST(identities_hold)
{
    matrices t = matrices_for(_i ? 2 : 4);
    clr_rng rng = clr_rng_for(1, 0, 0, 0, (uint32_t)_i);

    for (int trial = 0; trial < 50; trial++) {
        double d[MOST][MOST], g[MOST][MOST], dy[MOST][MOST], y[MOST][MOST], dg[MOST][MOST], dd[MOST][MOST];
        double V[MOST][MOST] = {{0}}, U[MOST][MOST] = {{0}}, W[MOST][MOST] = {{0}}, product[MOST][MOST];
        fill(d, t.a, &rng), fill(g, 3, &rng), fill(dy, t.m, &rng);
        around(t.B, t.a, t.a, false, d, V), around(t.G, t.a, 3, false, g, U), around(t.A, t.a, t.m, false, dy, W);
        multiply(U, V, product), around(t.A, t.a, t.m, true, product, y);
        multiply(W, V, product), around(t.G, t.a, 3, true, product, dg);
        multiply(U, W, product), around(t.B, t.a, t.a, true, product, dd);
        for (int i = 0; i < t.m; i++)
            for (int j = 0; j < t.m; j++)
                for (int r = 0; r < 3; r++)
                    for (int s = 0; s < 3; s++) {
                        y[i][j] -= d[i + r][j + s] * g[r][s];
                        dg[r][s] -= d[i + r][j + s] * dy[i][j];
                        dd[i + r][j + s] -= g[r][s] * dy[i][j];
                    }
        for (int i = 0; i < t.a; i++)
            for (int j = 0; j < t.a; j++) {
                if (i < t.m && j < t.m)
                    ck_assert_double_lt(fabs(y[i][j]), 1e-12);
                if (i < 3 && j < 3)
                    ck_assert_double_lt(fabs(dg[i][j]), 1e-12);
                ck_assert_double_lt(fabs(dd[i][j]), 1e-12);
            }
    }
}
END_TEST

/* ---- the kernels' transforms ---- */

static float *normals(size_t n, clr_rng *rng)
{
    float *at = CLR_NEW(float, n);

    for (size_t i = 0; i < n; i++)
        at[i] = (float)clr_rng_normal(rng);
    return at;
}

/* Each value is a sum of at most 36 terms; sizes are those of the terms' absolute values. */
static void near(double got, double want, double size, const char *what)
{
    ck_assert_msg(fabs(got - want) <= 8 * FLT_EPSILON * size, "%s: %.9g, should be %.9g", what, got, want);
}

static double size_of(const double T[MOST][MOST], int rows, int columns, bool back, const double in[MOST][MOST], int i,
                      int j)
{
    double positive[MOST][MOST], tile[MOST][MOST], out[MOST][MOST];

    for (int k = 0; k < MOST; k++)
        for (int l = 0; l < MOST; l++)
            positive[k][l] = fabs(T[k][l]), tile[k][l] = fabs(in[k][l]);
    around(positive, rows, columns, back, tile, out);
    return out[i][j];
}

/* Two images of one partial tile: (a - 3) x (a - 3) pixels, so that a border and missing pixels are there too. */
START_TEST(kernels_transform_by_the_matrices)
{
    matrices t = matrices_for(_i ? 2 : 4);
    const clr_winograd_kernel *two = CLR_STORED_PICK(clr_winograd2_kernel, CLR_FP32);
    const clr_winograd_kernel *four = CLR_STORED_PICK(clr_winograd4_kernel, CLR_FP32);
    const clr_winograd_kernel *kernel = _i ? two : four;
    enum { C = 32, K = 48 };
    int h = t.m - 1, area = t.a * t.a, slots = 4;
    clr_rng rng = clr_rng_for(2, 0, 0, 0, (uint32_t)_i);
    float *x = normals((size_t)(2 * h * h * C), &rng), *dy = normals((size_t)(2 * h * h * K), &rng);
    float *weight = normals(9 * C * K, &rng), *dw = CLR_NEW(float, 9 * C * K), *y = CLR_NEW(float, 2 * h * h * K);
    float *staging = CLR_NEW(float, clr_winograd_staging(t.m, 1, K));
    float *v = CLR_NEW(float, (size_t)area *clr_winograd_plane(slots, C));
    float *m = CLR_NEW(float, clr_winograd_chunks(area, slots, K, CLR_WINOGRAD_CHUNK));
    float *u = CLR_NEW(float, clr_winograd_chunks(area, C, K, CLR_WINOGRAD_CHUNK));
    float *back = CLR_NEW(float, clr_winograd_chunks(area, K, C, CLR_WINOGRAD_CHUNK));
    clr_winograd_grid grid = {h, h, 1, 1};
    clr_winograd_span span = {0, 2, 1, slots};
    clr_winograd_source source = {.x = x, .channels = C}, gradient = {.x = dy, .channels = K};
    clr_winograd_filter filter = {C, K, false, 0, C, 0, K}, rotated = {C, K, true, 0, K, 0, C};
    clr_winograd_output output = {.finish = CLR_WINOGRAD_STORE, .out = y, .channels = K};

    kernel->input(&grid, &source, span, v, staging);
    kernel->gradient(&grid, &gradient, span, m, staging);
    kernel->weight(&filter, weight, u, clr_winograd_plane(C, K));
    kernel->weight(&rotated, weight, back, clr_winograd_plane(K, C));
    kernel->weight_gradient(&filter, u, clr_winograd_plane(C, K), false, dw);
    kernel->output(&grid, &output, span, m, 0, K);
    for (int image = 0; image < 2; image++)
        for (int k = 0; k < K; k++) {
            double in[MOST][MOST] = {{0}}, out[MOST][MOST] = {{0}}, planes[MOST][MOST] = {{0}};
            for (int i = 0; i < h; i++)
                for (int j = 0; j < h; j++)
                    in[i][j] = dy[((image * h + i) * h + j) * K + k];
            around(t.A, t.a, t.m, false, in, out);
            for (int i = 0; i < t.a; i++)
                for (int j = 0; j < t.a; j++) {
                    const float *plane = m + (size_t)(i * t.a + j) * clr_winograd_plane(slots, K);
                    planes[i][j] = plane[(1 + image) * K + k];
                    near(planes[i][j], out[i][j], size_of(t.A, t.a, t.m, false, in, i, j), "A dy");
                }
            around(t.A, t.a, t.m, true, planes, out);
            for (int i = 0; i < h; i++)
                for (int j = 0; j < h; j++)
                    near(y[((image * h + i) * h + j) * K + k], out[i][j], size_of(t.A, t.a, t.m, true, planes, i, j),
                         "A^T m");
            if (k >= C)
                continue;
            memset(in, 0, sizeof in);
            for (int i = 0; i < h; i++)
                for (int j = 0; j < h; j++)
                    in[i + 1][j + 1] = x[((image * h + i) * h + j) * C + k];
            around(t.B, t.a, t.a, false, in, out);
            for (int i = 0; i < t.a; i++)
                for (int j = 0; j < t.a; j++) {
                    const float *plane = v + (size_t)(i * t.a + j) * clr_winograd_plane(slots, C);
                    near(plane[k / PANEL * slots * PANEL + (1 + image) * PANEL + k % PANEL], out[i][j],
                         size_of(t.B, t.a, t.a, false, in, i, j), "B^T d");
                }
        }
    for (int c = 0; c < C; c++)
        for (int k = 0; k < K; k++) {
            double g[MOST][MOST] = {{0}}, opposite[MOST][MOST] = {{0}}, z[MOST][MOST] = {{0}};
            double out[MOST][MOST] = {{0}}, turned_out[MOST][MOST] = {{0}};
            for (int r = 0; r < 3; r++)
                for (int s = 0; s < 3; s++)
                    g[r][s] = opposite[2 - r][2 - s] = weight[(3 * r + s) * C * K + c * K + k];
            around(t.G, t.a, 3, false, g, out);
            around(t.G, t.a, 3, false, opposite, turned_out);
            for (int i = 0; i < t.a; i++)
                for (int j = 0; j < t.a; j++) {
                    z[i][j] = u[(size_t)(i * t.a + j) * clr_winograd_plane(C, K) + (size_t)(c * K + k)];
                    near(z[i][j], out[i][j], size_of(t.G, t.a, 3, false, g, i, j), "G g");
                    near(back[(size_t)(i * t.a + j) * clr_winograd_plane(K, C) + (size_t)(k * C + c)], turned_out[i][j],
                         size_of(t.G, t.a, 3, false, opposite, i, j), "G g rotated");
                }
            around(t.G, t.a, 3, true, z, out);
            for (int r = 0; r < 3; r++)
                for (int s = 0; s < 3; s++)
                    near(dw[(3 * r + s) * C * K + c * K + k], out[r][s], size_of(t.G, t.a, 3, true, z, r, s), "G^T z");
        }
    float *all[] = {x, dy, weight, dw, y, staging, v, m, u, back};
    for (size_t i = 0; i < CLR_COUNT(all); i++)
        clr_free(all[i]);
}
END_TEST

/* ---- whole convolutions ---- */

typedef struct data {
    clr_conv_problem a;
    float *x, *y, *w, *scale, *shift, *mean, *got, *want;
    double *moments;
    int64_t n[CLR_DIRECTIONS]; /* floats of y, x, weight: what each direction makes */
} data;

/* Weights are scaled as at the start of a training, so that x, y and dy have one size. */
static data make(int n, int h, int c, int k, int seed)
{
    data d = {.a = clr_conv_problem_of(n, h, h, c, k, 3, 1, 1)};
    clr_rng rng = clr_rng_for(3, 0, (uint64_t)seed, 0, 0);

    d.n[CLR_FORWARD] = (int64_t)n * h * h * k;
    d.n[CLR_BACKWARD_DATA] = (int64_t)n * h * h * c;
    d.n[CLR_BACKWARD_WEIGHT] = (int64_t)9 * c * k;
    size_t most = (size_t)clr_max64(d.n[0], clr_max64(d.n[1], d.n[2]));
    d.x = normals((size_t)d.n[1], &rng), d.y = normals((size_t)d.n[0], &rng), d.w = normals((size_t)d.n[2], &rng);
    for (int64_t i = 0; i < d.n[2]; i++)
        d.w[i] *= sqrtf(2.0f / (9.0f * (float)c));
    d.scale = normals((size_t)c, &rng), d.shift = normals((size_t)c, &rng), d.mean = normals((size_t)c, &rng);
    for (int i = 0; i < c; i++)
        d.scale[i] = 1 + 0.2f * d.scale[i], d.shift[i] *= 0.2f, d.mean[i] *= 0.2f;
    d.got = CLR_NEW(float, most), d.want = CLR_NEW(float, most);
    d.moments = CLR_NEW(double, 2 * (c + k));
    return d;
}

static void drop(data *d)
{
    void *all[] = {d->x, d->y, d->w, d->scale, d->shift, d->mean, d->got, d->want, d->moments};

    for (size_t i = 0; i < CLR_COUNT(all); i++)
        clr_free(all[i]);
}

static const clr_conv_solver *member(const char *name)
{
    for (int i = 0; clr_conv_solvers[i]; i++)
        if (!strcmp(clr_conv_solvers[i]->name, name))
            return clr_conv_solvers[i];
    ck_abort_msg("no member %s", name);
}

static void run(const char *name, data *d, clr_direction direction, int images, bool accumulate, float *out)
{
    const clr_conv_solver *solver = member(name);
    bool forward = direction == CLR_FORWARD, relu_backward = direction == CLR_BACKWARD_DATA && !accumulate;
    clr_conv_args args = {.images = images,
                          .x = d->x,
                          .weight = d->w,
                          .y = out,
                          .dy = d->y,
                          .dx = out,
                          .dw = out,
                          .prologue = {d->scale, d->shift, true},
                          .accumulate = accumulate,
                          .relu_backward = relu_backward,
                          .mean = d->mean,
                          .moments = forward || relu_backward ? d->moments : NULL,
                          .workspace = clr_alloc(clr_conv_workspace(solver, &d->a, direction), 1)};

    clr_conv_apply(solver, &d->a, direction, &args);
    clr_free(args.workspace);
}

static double far(const float *got, const float *want, int64_t n)
{
    double difference = 0, size = 0;

    for (int64_t i = 0; i < n; i++) {
        difference += pow((double)got[i] - want[i], 2);
        size += pow(want[i], 2);
    }
    return sqrt(difference / size);
}

/* The stages of ResNet-18 on 32x32 images; partial tiles; narrow channels, and such as leave a chunk's rest. Bounds of
   the relative L2 error, by direction: those of F(4x4); F(2x2) halves them. */
static const struct {
    int n, h, c, k;
    double bound[CLR_DIRECTIONS];
} shapes[] = {
    {2, 32, 64, 64, {8e-7, 1e-6, 8e-7}},      {4, 16, 128, 128, {1.2e-6, 1.4e-6, 8e-7}},
    {4, 8, 256, 256, {1.7e-6, 1.9e-6, 8e-7}}, {3, 4, 512, 512, {2e-6, 2e-6, 8e-7}},
    {3, 7, 64, 512, {8e-7, 2e-6, 8e-7}},      {2, 14, 48, 80, {8e-7, 1.2e-6, 8e-7}},
    {5, 5, 16, 16, {8e-7, 8e-7, 8e-7}},       {9, 28, 16, 32, {8e-7, 8e-7, 8e-7}},
};

START_TEST(errors_stay_below_their_bounds)
{
    data d = make(shapes[_i].n, shapes[_i].h, shapes[_i].c, shapes[_i].k, _i);

    for (int direction = 0; direction < CLR_DIRECTIONS; direction++) {
        run("reference", &d, (clr_direction)direction, d.a.n, false, d.want);
        for (int m = 4; m >= 2; m -= 2) {
            double bound = shapes[_i].bound[direction] * (m == 4 ? 1 : 0.5);
            run(m == 4 ? "winograd4" : "winograd2", &d, (clr_direction)direction, d.a.n, false, d.got);
            double error = far(d.got, d.want, d.n[direction]);
            ck_assert_msg(error < bound, "winograd%d, direction %d, shape %d: %.2e", m, direction, _i, error);
        }
    }
    drop(&d);
}
END_TEST

/* More threads than tiles, teams of every size, blocks that end early; dx and dw also added to what is there. */
START_TEST(any_number_of_threads_does)
{
    static const struct {
        int n, h, c, k;
    } cut[] = {{3, 6, 128, 192}, {1, 4, 64, 64}, {7, 9, 32, 48}, {5, 4, 384, 128}, {140, 4, 16, 16}};
    data d = make(cut[_i].n, cut[_i].h, cut[_i].c, cut[_i].k, 100 + _i);
    int usual = omp_get_max_threads();

    for (int direction = 0; direction < CLR_DIRECTIONS; direction++)
        for (int accumulate = 0; accumulate < (direction == CLR_FORWARD ? 1 : 2); accumulate++) {
            int images = accumulate ? (d.a.n + 1) / 2 : d.a.n;
            int64_t n = direction == CLR_BACKWARD_WEIGHT ? d.n[direction] : d.n[direction] / d.a.n * images;
            for (int64_t i = 0; i < n; i++)
                d.want[i] = (float)(i % 7);
            run("reference", &d, (clr_direction)direction, images, accumulate, d.want);
            for (int threads = 1; threads <= 7; threads++) {
                omp_set_num_threads(threads);
                for (int64_t i = 0; i < n; i++)
                    d.got[i] = (float)(i % 7);
                run("winograd4", &d, (clr_direction)direction, images, accumulate, d.got);
                ck_assert_double_lt(far(d.got, d.want, n), 2e-6);
            }
            omp_set_num_threads(usual);
        }
    drop(&d);
}
END_TEST

/* Inside a parallel region the team is smaller than what the workspace was made for. */
START_TEST(a_smaller_team_does)
{
    data d = make(2, 8, 64, 128, 200);
    double error[CLR_DIRECTIONS];

    for (int direction = 0; direction < CLR_DIRECTIONS; direction++) {
        run("reference", &d, (clr_direction)direction, d.a.n, false, d.want);
#pragma omp parallel num_threads(2)
#pragma omp single
        run("winograd4", &d, (clr_direction)direction, d.a.n, false, d.got);
        error[direction] = far(d.got, d.want, d.n[direction]);
    }
    for (int direction = 0; direction < CLR_DIRECTIONS; direction++)
        ck_assert_double_lt(error[direction], 2e-6);
    drop(&d);
}
END_TEST

/* The moments are those of the y that was written, even where the mean is 1e4 deviations: 1e-5 of the variance. */
START_TEST(moments_hold_large_means)
{
    data d = make(6, 10, 16, 32, 300);
    int64_t rows = (int64_t)d.a.n * d.a.h * d.a.w;

    memset(d.w, 0, sizeof *d.w * (size_t)d.n[2]);
    for (int c = 0; c < d.a.c; c++)
        for (int k = c; k < d.a.k; k += d.a.c)
            d.w[(4 * d.a.c + c) * d.a.k + k] = 1;
    for (int c = 0; c < d.a.c; c++)
        d.shift[c] = 1e4f;
    run(_i ? "winograd2" : "winograd4", &d, CLR_FORWARD, d.a.n, false, d.got);
    for (int k = 0; k < d.a.k; k++) {
        double sum = 0, square = 0, mean = d.moments[k] / (double)rows;
        double variance = d.moments[d.a.k + k] / (double)rows - mean * mean;
        for (int64_t row = 0; row < rows; row++)
            sum += d.got[row * d.a.k + k];
        for (int64_t row = 0; row < rows; row++)
            square += pow(d.got[row * d.a.k + k] - sum / (double)rows, 2);
        ck_assert_double_lt(fabs(variance - square / (double)rows), 1e-5 * square / (double)rows);
    }
    drop(&d);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create(clr_isa_name(clr_isa_current()));

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, identities_hold, 0, 2);
    tcase_add_loop_test(tcase, kernels_transform_by_the_matrices, 0, 2);
    tcase_add_loop_test(tcase, errors_stay_below_their_bounds, 0, (int)CLR_COUNT(shapes));
    tcase_add_loop_test(tcase, any_number_of_threads_does, 0, 5);
    tcase_add_test(tcase, a_smaller_team_does);
    tcase_add_loop_test(tcase, moments_hold_large_means, 0, 2);
    return clr_test_run("winograd", tcase, CK_NOFORK);
}
