/* SPDX-License-Identifier: BSD-3-Clause */
/* Every loss and option on four ranks (and, run alone, on one) against a plain double-precision reference over the
   whole batch: loss 1e-6 relative, gradient 1e-5 relative L2. The reference itself is held to central differences.
   Different rows on every rank. */
#include "clr/isa.h"
#include "clr/loss.h"
#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static clr_comm *comm;

static double softplus(double s)
{
    return s > 0 ? s + log1p(exp(-s)) : log1p(exp(s));
}

/* The probability of a place among the first `places`, where as many negatives are level with it and come in random
   order. */
static double among(int above, int level, int places)
{
    int all = 0, good = 0;

    for (int before = 0; before <= level; before++, all++)
        good += above + before < places;
    return (double)good / all;
}

/* The loss as the paper writes it; z (2G, D) with first views before second. */
static double reference(const clr_loss_config *c, const double *z, int64_t images, int dim, double top[2])
{
    int64_t n = 2 * images;
    double *u = malloc((size_t)(n * dim) * sizeof *u), total = 0,
           scale = c->kind == CLR_LOSS_triplet ? 1 : 1 / c->temperature;

    top[0] = top[1] = 0;
    for (int64_t i = 0; i < n; i++) {
        double square = 0;
        for (int d = 0; d < dim; d++)
            square += z[i * dim + d] * z[i * dim + d];
        for (int d = 0; d < dim; d++)
            u[i * dim + d] = c->l2norm ? z[i * dim + d] / sqrt(fmax(square, 1e-12)) : z[i * dim + d];
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t pair = (i + images) % n;
        double positive = 0, most = -INFINITY, sum = 0, count = 0, terms = 0, slack;
        int above = 0, level = 0;
        for (int d = 0; d < dim; d++)
            positive += scale * u[i * dim + d] * u[pair * dim + d];
        double *s = malloc((size_t)n * sizeof *s);
        slack = fabs(positive) * (dim / 4.0 + 2) * FLT_EPSILON;
        for (int64_t j = 0; j < n; j++) {
            bool candidate =
                j != i && j != pair && !(c->negatives == CLR_NEGATIVES_ONE_VIEW && (i < images) == (j < images));
            s[j] = candidate ? 0 : -INFINITY;
            for (int d = 0; d < dim && candidate; d++)
                s[j] += scale * u[i * dim + d] * u[j * dim + d];
            most = fmax(most, s[j]);
            above += s[j] > positive + slack;
            level += fabs(s[j] - positive) <= slack;
        }
        for (int64_t j = 0; j < n; j++) {
            if (s[j] == -INFINITY)
                continue;
            if (c->kind == CLR_LOSS_ntxent || c->kind == CLR_LOSS_dcl)
                sum += exp(s[j] - fmax(most, positive));
            else if (c->kind == CLR_LOSS_ntlogistic && (c->mining == CLR_MINING_NONE || s[j] < positive))
                terms += softplus(s[j]), count++;
            else if (c->kind == CLR_LOSS_triplet) {
                double value = s[j] - positive + c->margin;
                bool active = value > 0 && (c->mining == CLR_MINING_NONE || s[j] < positive);
                terms += active ? value : 0;
                count += c->mining == CLR_MINING_SEMI_HARD ? active : 1;
            }
        }
        top[0] += among(above, level, 1) / (double)n;
        top[1] += among(above, level, 5) / (double)n;
        if (c->kind == CLR_LOSS_dcl)
            total += fmax(most, positive) + log(sum) - positive;
        else if (c->kind == CLR_LOSS_ntxent)
            total += fmax(most, positive) + log(sum + exp(positive - fmax(most, positive))) - positive;
        else
            total += (c->kind == CLR_LOSS_ntlogistic ? softplus(-positive) : 0) + (count > 0 ? terms / count : 0);
        free(s);
    }
    free(u);
    return total / (double)n;
}

typedef struct row {
    int64_t images;
    int dim;
    clr_loss_config config;
    double spread; /* of z */
} row;

/* The rank's share: x (2B, dim). */
static clr_status apply(clr_objective *loss, const float *x, float *dz, clr_objective_result *result)
{
    const clr_objective_rows batch = {.x = x, .first = true};
    return clr_objective_apply(loss, &batch, dz, result);
}

static const row rows[] = {
    {16, 8, {.kind = CLR_LOSS_ntxent, .temperature = 0.1, .l2norm = true}, 1},
    {37, 24, {.kind = CLR_LOSS_ntxent, .temperature = 0.5, .l2norm = true}, 1},
    {300, 32, {.kind = CLR_LOSS_ntxent, .temperature = 0.1, .l2norm = true}, 1},
    {21, 16, {.kind = CLR_LOSS_ntxent, .temperature = 0.01, .l2norm = true}, 1},
    {21, 16, {.kind = CLR_LOSS_ntxent, .temperature = 1, .l2norm = true}, 1e-8},
    {21, 16, {.kind = CLR_LOSS_ntxent, .temperature = 1, .l2norm = true}, 1e12},
    {18, 12, {.kind = CLR_LOSS_ntxent, .temperature = 10, .l2norm = false}, 4},
    {19, 8, {.kind = CLR_LOSS_ntxent, .temperature = 0.1, .l2norm = true, .negatives = CLR_NEGATIVES_ONE_VIEW}, 1},
    {23, 8, {.kind = CLR_LOSS_ntlogistic, .temperature = 0.2, .l2norm = true}, 1},
    {23,
     8,
     {.kind = CLR_LOSS_ntlogistic,
      .temperature = 0.5,
      .l2norm = true,
      .mining = CLR_MINING_SEMI_HARD,
      .negatives = CLR_NEGATIVES_ONE_VIEW},
     1},
    {23, 8, {.kind = CLR_LOSS_triplet, .temperature = 1, .l2norm = true, .margin = 0.8}, 1},
    {23,
     8,
     {.kind = CLR_LOSS_triplet, .temperature = 1, .l2norm = true, .margin = 0.4, .mining = CLR_MINING_SEMI_HARD},
     1},
    {21, 16, {.kind = CLR_LOSS_dcl, .temperature = 0.1, .l2norm = true}, 1},
    {230, 24, {.kind = CLR_LOSS_dcl, .temperature = 0.5, .l2norm = true}, 1},
    {21, 16, {.kind = CLR_LOSS_dcl, .temperature = 0.01, .l2norm = true}, 1},
    {18, 12, {.kind = CLR_LOSS_dcl, .temperature = 10, .l2norm = false}, 4},
    {19, 8, {.kind = CLR_LOSS_dcl, .temperature = 0.1, .l2norm = true, .negatives = CLR_NEGATIVES_ONE_VIEW}, 1},
    {4, 5, {.kind = CLR_LOSS_ntxent, .temperature = 0.1, .l2norm = true}, 1},
};

START_TEST(agrees_with_the_reference)
{
    const row *t = &rows[_i];
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm), dim = t->dim;
    int64_t n = 2 * t->images, first = clr_share(t->images, ranks, rank),
            mine = clr_share(t->images, ranks, rank + 1) - first;
    double *z = CLR_NEW(double, n *dim), top[2], other[2];
    float *part = CLR_NEW(float, 2 * mine * dim), *dz = CLR_NEW(float, 2 * mine * dim);
    clr_rng rng = clr_rng_for(7, 0, (uint64_t)_i, 0, 0);

    for (int64_t i = 0; i < n * dim; i++) /* pairs are alike, so that some positives win */
        z[i] =
            (float)(t->spread * (clr_rng_normal(&rng) + (i >= n * dim / 2 ? 1.2 * z[i - n * dim / 2] / t->spread : 0)));
    for (int view = 0; view < 2; view++)
        for (int64_t i = 0; i < mine * dim; i++)
            part[view * mine * dim + i] = (float)z[(view * t->images + first) * dim + i];
    clr_objective *loss = NULL;
    clr_objective_result result;
    ck_assert_int_eq(clr_loss_new(comm, &t->config, t->images, dim, &loss), CLR_OK);
    for (int again = 0; again < 2; again++) /* nothing is left over from the call before */
        ck_assert_int_eq(apply(loss, part, dz, &result), CLR_OK);
    double want = reference(&t->config, z, t->images, dim, top);
    ck_assert_msg(fabs(result.loss - want) <= 1e-6 * fabs(want) + 1e-7, "row %d: loss %.9f, want %.9f", _i, result.loss,
                  want);
    ck_assert_msg(fabs(result.top1 - top[0]) < 1e-9, "row %d: top1 %f, want %f", _i, result.top1, top[0]);
    ck_assert_msg(fabs(result.top5 - top[1]) < 1e-9, "row %d: top5 %f, want %f", _i, result.top5, top[1]);

    /* This rank's gradient against central differences of the reference, along random directions; kinks are few. */
    double difference = 0, size = 0;
    for (int trial = 0; trial < 6; trial++) {
        double along = 0, step = 1e-6 * t->spread, length = 0;
        double *direction = CLR_NEW(double, 2 * mine * dim);
        for (int64_t i = 0; i < 2 * mine * dim; i++) {
            direction[i] = trial ? clr_rng_normal(&rng) : dz[i] * t->spread;
            length += direction[i] * direction[i];
        }
        for (int64_t i = 0; i < 2 * mine * dim; i++)
            direction[i] /= sqrt(length) + 1e-300;
        double plus = 0, minus = 0;
        for (int sign = -1; sign <= 1; sign += 2) {
            for (int view = 0; view < 2; view++)
                for (int64_t i = 0; i < mine * dim; i++)
                    z[(view * t->images + first) * dim + i] +=
                        sign * (sign > 0 ? 2 : 1) * step * direction[view * mine * dim + i];
            *(sign > 0 ? &plus : &minus) = reference(&t->config, z, t->images, dim, other);
        }
        for (int view = 0; view < 2; view++)
            for (int64_t i = 0; i < mine * dim; i++)
                z[(view * t->images + first) * dim + i] -= step * direction[view * mine * dim + i];
        for (int64_t i = 0; i < 2 * mine * dim; i++)
            along += dz[i] * direction[i];
        double numeric = (plus - minus) / (2 * step);
        difference += (along - numeric) * (along - numeric);
        size += numeric * numeric;
        clr_free(direction);
    }
    ck_assert_msg(sqrt(difference) <= 2e-5 * sqrt(size) + 1e-9 / t->spread, "row %d: gradient off by %.1e of %.1e", _i,
                  sqrt(difference), sqrt(size));
    clr_objective_free(loss);
    clr_free(z);
    clr_free(part);
    clr_free(dz);
}
END_TEST

/* Images in groups whose embeddings are the same, up to a little noise: the positive is one of a group, in random
   order. */
START_TEST(ties_are_worth_their_chance)
{
    static const struct {
        int64_t images, groups;
        int dim;
        double length, noise; /* of the rows; of each number, relative */
    } ties[] = {{40, 1, 128, 1, 0},    {40, 1, 100, 1, 0},  {300, 1, 64, 1, 0},    {40, 1, 16, 0, 0},
                {40, 1, 128, 1e-9, 0}, {40, 1, 37, 1e8, 0}, {40, 1, 128, 1, 1e-7}, {40, 20, 32, 1, 0},
                {36, 6, 16, 1, 0},     {40, 40, 16, 1, 0}};
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm), dim = ties[_i].dim;
    int64_t images = ties[_i].images, first = clr_share(images, ranks, rank),
            mine = clr_share(images, ranks, rank + 1) - first;
    float *part = CLR_NEW(float, 2 * mine * dim), *dz = CLR_NEW(float, 2 * mine * dim);

    for (int64_t i = 0; i < 2 * mine; i++) {
        clr_rng group = clr_rng_for(11, 0, (uint64_t)((first + i % mine) % ties[_i].groups), 0, 0),
                own = clr_rng_for(12, (uint64_t)rank, (uint64_t)i, 0, 0);
        for (int d = 0; d < dim; d++)
            part[i * dim + d] =
                (float)(ties[_i].length * (ties[_i].groups == 1 && _i % 2 == 0 ? 0.3 : clr_rng_normal(&group)) *
                        (1 + ties[_i].noise * clr_rng_normal(&own)));
    }
    for (int kind = 0; kind < CLR_LOSS_KINDS; kind++)
        for (int options = 0; options < 4; options++) {
            const clr_loss_config config = {.kind = kind,
                                            .temperature = 0.1,
                                            .l2norm = options & 1 || ties[_i].length > 1,
                                            .negatives = options & 2 ? CLR_NEGATIVES_ONE_VIEW : CLR_NEGATIVES_TWO_VIEW,
                                            .margin = 0.8};
            double level = (double)(config.negatives == CLR_NEGATIVES_ONE_VIEW
                                        ? images / ties[_i].groups
                                        : 2 * images / ties[_i].groups - 1); /* the positive among them */
            clr_objective *loss = NULL;
            clr_objective_result result;
            ck_assert_int_eq(clr_loss_new(comm, &config, images, dim, &loss), CLR_OK);
            ck_assert_int_eq(apply(loss, part, dz, &result), CLR_OK);
            ck_assert_msg(fabs(result.top1 - 1 / level) < 1e-9,
                          "row %d, loss %d, options %d: top1 %f of %g that are level", _i, kind, options, result.top1,
                          level);
            ck_assert_msg(fabs(result.top5 - fmin(1, 5 / level)) < 1e-9, "row %d, loss %d, options %d: top5 %f", _i,
                          kind, options, result.top5);
            ck_assert_msg((result.spread < 1e-9) == (ties[_i].groups == 1), "row %d: spread %g", _i, result.spread);
            clr_objective_free(loss);
        }
    clr_free(part);
    clr_free(dz);
}
END_TEST

START_TEST(refuses_and_notices)
{
    clr_objective *loss = NULL;
    const clr_loss_config config = {.temperature = 0.1, .l2norm = true};
    clr_objective_result result;
    int ranks = clr_comm_size(comm);

    ck_assert_int_eq(clr_loss_new(comm, &config, 1, 4, &loss), CLR_EUSAGE);
    ck_assert_int_eq(clr_loss_new(comm, &config, 2 * ranks, 4, &loss), CLR_OK);
    float z[16], dz[16];
    for (int i = 0; i < 16; i++)
        z[i] = (float)(i + 1 + clr_comm_rank(comm));
    for (int i = 0; i < 4; i++) /* a row of zeros is floored, not divided by */
        z[i] = 0;
    ck_assert_int_eq(apply(loss, z, dz, &result), CLR_OK);
    for (int i = 0; i < 16; i++)
        ck_assert(isfinite(dz[i]));
    if (clr_comm_rank(comm) == ranks - 1)
        z[5] = NAN;
    ck_assert_int_eq(apply(loss, z, dz, &result), CLR_ENUMERIC);
    ck_assert(fabs(clr_loss_chance(&config, 8) - log(15)) < 1e-12);
    clr_objective_free(loss);
}
END_TEST

int main(int argc, char **argv)
{
    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK)
        return EXIT_FAILURE;
    TCase *tcase = tcase_create(clr_isa_name(clr_isa_current()));
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, agrees_with_the_reference, 0, (int)CLR_COUNT(rows));
    tcase_add_loop_test(tcase, ties_are_worth_their_chance, 0, 10);
    tcase_add_test(tcase, refuses_and_notices);
    int status = clr_test_run("loss", tcase, CK_NOFORK);
    clr_comm_stop(comm);
    return status;
}
