/* SPDX-License-Identifier: BSD-3-Clause */
/* See precondition.h. Products are fp32: what they lose costs iterations, not exactness. */
#include "precondition.h"

#include "clr/gemm.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum {
    LARGEST = 4096, /* features: beyond, X^T X takes more memory and time than it is worth */
    SAMPLED = 4,    /* rows a feature that X^T X is made of */
    ROWS = 256,     /* of X at a time */
    STRIP = 128,    /* rows of a matrix that a thread works on at a time; columns of a step of the factorisation */
};
static const float JITTER = 1e-5f; /* of the mean of M's diagonal, added to it: M may be singular. At least; see set */

/* Adds X^T X of n rows of x to the lower triangle. Within a parallel region. */
static void add_products(clr_precondition *c, const float *x, int64_t n, int64_t ld)
{
    int64_t dim = c->dim;

#pragma omp for schedule(dynamic)
    for (int64_t i = 0; i < dim; i += STRIP) {
        int64_t rows = clr_min64(STRIP, dim - i);
        clr_gemm(true, false, rows, i + rows, n, 1, x + i, ld, x, ld, 1, c->gram + i * dim, dim);
    }
}

void clr_precondition_open(clr_regression *r, clr_precondition *c)
{
    int64_t dim = r->linear.dim, rows = clr_min64(r->n, SAMPLED * dim);
    int ranks = clr_comm_size(r->comm), rank = clr_comm_rank(r->comm);
    int64_t from = clr_share(rows, ranks, rank), to = clr_share(rows, ranks, rank + 1);

    *c = (clr_precondition){.dim = (int)dim, .classes = r->linear.classes};
    if (dim > LARGEST)
        return;
    c->gram = CLR_NEW(float, dim *dim);
    c->factor = CLR_NEW(float, dim *dim);
    float *x = CLR_NEW(float, ROWS *(dim + 1));
#pragma omp parallel num_threads(r->threads)
    for (int64_t at = from; at < to; at += ROWS) {
        int64_t n = clr_min64(ROWS, to - at);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < n; i++) { /* rows spread over all */
            int64_t row = r->rows[(at + i) * r->n / rows];
            clr_linear_standardise_row(&r->linear, r->features->h + row * dim, x + i * (dim + 1));
        }
        add_products(c, x, n, dim + 1);
    }
    clr_free(x);
    clr_comm_allreduce_sum(r->comm, c->gram, dim * dim);
    for (int64_t i = 0; i < dim * dim; i++)
        c->gram[i] /= (float)rows;
}

void clr_precondition_free(clr_precondition *c)
{
    clr_free(c->gram);
    clr_free(c->factor);
}

/* The Cholesky factor of the n x n block at a, lower triangle, in place. false: a pivot is below `least`. */
static bool factor_block(float *a, int64_t n, int64_t ld, float least)
{
    bool good = true;

    for (int64_t j = 0; j < n; j++) {
        double pivot = a[j * ld + j];
        for (int64_t l = 0; l < j; l++)
            pivot -= (double)a[j * ld + l] * a[j * ld + l];
        good = good && pivot >= least;
        float root = (float)sqrt(fmax(pivot, least));
        a[j * ld + j] = root;
        for (int64_t i = j + 1; i < n; i++) {
            double sum = a[i * ld + j];
            for (int64_t l = 0; l < j; l++)
                sum -= (double)a[i * ld + l] * a[j * ld + l];
            a[i * ld + j] = (float)(sum / root);
        }
    }
    return good;
}

/* One row below that block: x L^T = row, in place. */
static void solve_row(const float *l, int64_t n, int64_t ld, float *row)
{
    for (int64_t j = 0; j < n; j++) {
        float sum = row[j];
        for (int64_t i = 0; i < j; i++)
            sum -= l[j * ld + i] * row[i];
        row[j] = sum / l[j * ld + j];
    }
}

/* Right-looking: a block column, then what it takes off the rest. false: a pivot is below `least`. */
static bool factorise(float *a, int64_t dim, float least, int threads)
{
    bool good = true;

#pragma omp parallel num_threads(threads)
    for (int64_t at = 0; at < dim; at += STRIP) {
        int64_t n = clr_min64(STRIP, dim - at), below = at + n;
#pragma omp single
        good = factor_block(a + at * dim + at, n, dim, least) && good;
#pragma omp for schedule(static)
        for (int64_t i = below; i < dim; i++)
            solve_row(a + at * dim + at, n, dim, a + i * dim + at);
#pragma omp for schedule(dynamic)
        for (int64_t i = below; i < dim; i += STRIP) {
            int64_t rows = clr_min64(STRIP, dim - i);
            clr_gemm(false, true, rows, i + rows - below, n, -1, a + i * dim + at, dim, a + below * dim + at, dim, 1,
                     a + i * dim + below, dim);
        }
    }
    return good;
}

void clr_precondition_set(const clr_regression *r, clr_precondition *c)
{
    int64_t dim = c->dim, bytes = dim * dim * (int64_t)sizeof *c->factor;
    float odds = (float)(c->classes - 1) / (float)(c->classes * c->classes);
    bool good = false;

    if (!c->gram)
        return;
    c->bias = sqrt(odds);
    /* With fewer rows than features M is singular but for the penalty, and rounding makes pivots of noise: then more is
       added. No pivot of an exact factorisation is below what was added. */
    for (float jitter = JITTER; !good && jitter < 1; jitter *= 10) {
        float diagonal = 0;
        for (int64_t i = 0; i < dim * dim; i++)
            c->factor[i] = odds * c->gram[i];
        for (int64_t i = 0; i < dim; i++) {
            double inverse = r->linear.inverse[i];
            c->factor[i * dim + i] += (float)(r->l2 * inverse * inverse / (double)r->n);
            diagonal += c->factor[i * dim + i] / (float)dim;
        }
        float added = jitter * diagonal + 1e-12f;
        for (int64_t i = 0; i < dim; i++)
            c->factor[i * dim + i] += added;
        good = factorise(c->factor, dim, added / 2, r->threads);
    }
    clr_comm_broadcast(r->comm, c->factor, bytes, 0);
}

void clr_precondition_to_u(const clr_precondition *c, double *v)
{
    int64_t dim = c->dim, classes = c->classes;

    if (!c->gram)
        return;
    for (int64_t i = 0; i < dim;
         i++) { /* u_i = sum over j >= i of L_ji v_j: rows of L in turn, v_j used before it is lost */
        const float *l = c->factor + i * dim;
        double *own = v + i * classes;
        for (int64_t j = 0; j < i; j++)
            for (int64_t k = 0; k < classes; k++)
                v[j * classes + k] += l[j] * own[k];
        for (int64_t k = 0; k < classes; k++)
            own[k] *= l[i];
    }
    for (int64_t k = 0; k < classes; k++)
        v[dim * classes + k] *= c->bias;
}

void clr_precondition_to_v(const clr_precondition *c, double *u)
{
    int64_t dim = c->dim, classes = c->classes;

    if (!c->gram)
        return;
    for (int64_t i = dim - 1; i >= 0; i--) {
        const float *l = c->factor + i * dim;
        double *own = u + i * classes;
        for (int64_t k = 0; k < classes; k++)
            own[k] /= l[i];
        for (int64_t j = 0; j < i; j++)
            for (int64_t k = 0; k < classes; k++)
                u[j * classes + k] -= l[j] * own[k];
    }
    for (int64_t k = 0; k < classes; k++)
        u[dim * classes + k] /= c->bias;
}

void clr_precondition_gradient(const clr_precondition *c, double *gradient)
{
    int64_t dim = c->dim, classes = c->classes;

    if (!c->gram)
        return;
    for (int64_t i = 0; i < dim; i++) {
        const float *l = c->factor + i * dim;
        double *own = gradient + i * classes;
        for (int64_t j = 0; j < i; j++)
            for (int64_t k = 0; k < classes; k++)
                own[k] -= l[j] * gradient[j * classes + k];
        for (int64_t k = 0; k < classes; k++)
            own[k] /= l[i];
    }
    for (int64_t k = 0; k < classes; k++)
        gradient[dim * classes + k] /= c->bias;
}
