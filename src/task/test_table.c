/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole training step, contrastive or supervised, over any number of ranks against a double-precision reference of
   the whole global batch: the loss, the gradient of every parameter, the running statistics. Different images on every
   rank. With microbatches the reference normalises piece by piece, as a run says that it does. Prints a row for each
   setting; tests/table.sh runs it on 1, 2, 3, 4 and 8 ranks.

   Bounds: loss 1e-6 relative; gradient of all parameters 1e-5 relative L2; running statistics 1e-5; each parameter's
   own gradient, against the larger of its norm and 1/50 of the largest, 8 eps sqrt(length) as in test_encoder.c, length
   the pixels of all views that a batch norm sums over: those of a few channels' norms nearly cancel, and with the plain
   reference solver, whose sums are double, the worst of them is off by 2.5e-5 too, which is what storing activations
   in fp32 costs. */
#include "clr/loss.h"
#include "clr/mem.h"
#include "clr/step.h"
#include "../model/fixture.h"
#include "../model/reference.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIM = 16, CLASSES = 7, SIZE = 8, CHANNELS = 3, PIXELS = SIZE * SIZE * CHANNELS };
#define TEMPERATURE 0.5
#define MARGIN 3e-6 /* of ReLUs' inputs from zero */

typedef struct row {
    int depth, batch, microbatch;
    bool recompute, supervised; /* supervised: one view, softmax cross-entropy on h */
} row;

static const row rows[] = {
    {18, 24, 0, false},       {18, 27, 0, false},       {18, 27, 0, true},      {18, 26, 9, false},  {18, 26, 9, true},
    {18, 13, 0, false},       {50, 23, 0, false},       {50, 23, 0, true},      {50, 25, 13, false}, {50, 25, 13, true},
    {18, 23, 0, false, true}, {18, 26, 9, false, true}, {50, 22, 0, true, true}};

static int views_of(const row *r)
{
    return r->supervised ? 1 : 2;
}

/* Image p of the batch. */
static int label_of(int p)
{
    return p * 5 % CLASSES;
}

/* What the whole batch gives; the same on every rank. */
typedef struct truth {
    double loss, *grad, *state;
} truth;

/* NT-Xent of z (2G, D), first views first, and its gradient. */
static double ntxent(const double *z, int images, double *dz)
{
    int n = 2 * images;
    double *u = CLR_NEW(double, n *DIM), *length = CLR_NEW(double, n), *du = CLR_NEW(double, n *DIM),
           *e = CLR_NEW(double, n), total = 0;

    for (int i = 0; i < n; i++) {
        for (int d = 0; d < DIM; d++)
            length[i] += z[i * DIM + d] * z[i * DIM + d];
        length[i] = sqrt(length[i]);
        for (int d = 0; d < DIM; d++)
            u[i * DIM + d] = z[i * DIM + d] / length[i];
    }
    for (int i = 0; i < n; i++) {
        double sum = 0;
        int pair = (i + images) % n;
        for (int j = 0; j < n; j++) {
            double s = 0;
            for (int d = 0; d < DIM; d++)
                s += u[i * DIM + d] * u[j * DIM + d] / TEMPERATURE;
            e[j] = j == i ? 0 : exp(s);
            sum += e[j];
        }
        total -= log(e[pair] / sum);
        for (int j = 0; j < n; j++) {
            double weight = (e[j] / sum - (j == pair)) / TEMPERATURE / n;
            for (int d = 0; d < DIM; d++) {
                du[i * DIM + d] += weight * u[j * DIM + d];
                du[j * DIM + d] += weight * u[i * DIM + d];
            }
        }
    }
    for (int i = 0; i < n; i++) {
        double along = 0;
        for (int d = 0; d < DIM; d++)
            along += du[i * DIM + d] * u[i * DIM + d];
        for (int d = 0; d < DIM; d++)
            dz[i * DIM + d] = (du[i * DIM + d] - along * u[i * DIM + d]) / length[i];
    }
    clr_free(u);
    clr_free(length);
    clr_free(du);
    clr_free(e);
    return total / n;
}

/* Cross-entropy of z (images, dim) with the classifier of params, its gradient by z and by the classifier. */
static double cross_entropy(const clr_params *params, const double *z, int images, int dim, double *dz, double *grad)
{
    int e = params->weights.entries - 2;
    int64_t weight = params->weights.entry[e].offset, bias = params->weights.entry[e + 1].offset;
    double total = 0;

    for (int i = 0; i < images; i++) {
        double p[CLASSES], sum = 0;
        for (int k = 0; k < CLASSES; k++) {
            p[k] = params->value[bias + k];
            for (int d = 0; d < dim; d++)
                p[k] += z[i * dim + d] * params->value[weight + d * CLASSES + k];
            sum += exp(p[k]);
        }
        total += log(sum) - p[label_of(i)];
        memset(dz + i * dim, 0, (size_t)dim * sizeof *dz);
        for (int k = 0; k < CLASSES; k++) {
            double g = (exp(p[k]) / sum - (k == label_of(i))) / images;
            grad[bias + k] += g;
            for (int d = 0; d < dim; d++) {
                grad[weight + d * CLASSES + k] += z[i * dim + d] * g;
                dz[i * dim + d] += g * params->value[weight + d * CLASSES + k];
            }
        }
    }
    return total / images;
}

/* Image p of the batch belongs to piece p mod microbatches; its views lie at these rows of the piece. */
static int count_of(int batch, int microbatches, int i)
{
    return (batch - i + microbatches - 1) / microbatches;
}

/* False: some ReLU's input lies too near to zero to tell in fp32 whether it is open. */
static bool compute(const clr_encoder_config *config, const clr_params *params, const row *r, int dim, truth *t)
{
    int microbatches = clr_split_of(r->batch, r->microbatch, 1, 0).microbatches, views = views_of(r),
        all = views * r->batch * dim;
    int64_t states = params->states.floats, weights = params->weights.floats;
    reference **piece = CLR_NEW(reference *, microbatches);
    double *z = CLR_NEW(double, all), *dz = CLR_NEW(double, all), *part = CLR_NEW(double, all);
    float *x = CLR_NEW(float, views * r->batch * PIXELS);
    bool clear = true;

    for (int64_t s = 0; s < states; s++)
        t->state[s] = params->state[s];
    for (int i = 0; i < microbatches; i++) {
        int n = count_of(r->batch, microbatches, i);
        for (int view = 0; view < views; view++)
            for (int j = 0; j < n; j++)
                fixture_images(x + (view * n + j) * PIXELS, view * r->batch + i + j * microbatches, 1, SIZE, CHANNELS);
        piece[i] = reference_new(config, params, views * n);
        reference_forward(piece[i], x, false);
        clear &= reference_margin(piece[i]) > MARGIN;
        for (int view = 0; view < views; view++)
            for (int j = 0; j < n; j++)
                memcpy(z + (view * r->batch + i + j * microbatches) * dim, reference_z(piece[i]) + (view * n + j) * dim,
                       (size_t)dim * sizeof *z);
        for (int64_t s = 0; s < states; s++) /* each piece's reference started from the same statistics */
            t->state[s] = 0.9 * t->state[s] + (reference_states(piece[i])[s] - 0.9 * params->state[s]);
    }
    memset(t->grad, 0, (size_t)weights * sizeof *t->grad);
    t->loss = r->supervised ? cross_entropy(params, z, r->batch, dim, dz, t->grad) : ntxent(z, r->batch, dz);
    for (int i = 0; i < microbatches; i++) {
        int n = count_of(r->batch, microbatches, i);
        for (int view = 0; view < views; view++)
            for (int j = 0; j < n; j++)
                memcpy(part + (view * n + j) * dim, dz + (view * r->batch + i + j * microbatches) * dim,
                       (size_t)dim * sizeof *dz);
        if (clear)
            reference_backward(piece[i], part);
        for (int64_t w = 0; w < weights && clear; w++)
            t->grad[w] += reference_grads(piece[i])[w];
        reference_free(piece[i]);
    }
    clr_free(piece);
    clr_free(z);
    clr_free(dz);
    clr_free(part);
    clr_free(x);
    return clear;
}

static double norm(const double *x, int64_t n)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* The largest error of a table's entries, each against its norm or least times the largest norm; its name. */
static double worst_of(const clr_table *table, const float *got, const double *want, double least, const char **name)
{
    double largest = 0, worst = 0;

    for (int e = 0; e < table->entries; e++)
        largest = fmax(largest, norm(want + table->entry[e].offset, table->entry[e].count));
    for (int e = 0; e < table->entries; e++) {
        const clr_entry *entry = &table->entry[e];
        double size = norm(want + entry->offset, entry->count);
        double error = reference_distance(got + entry->offset, want + entry->offset, entry->count) *
                       (size > 0 ? size : 1) / fmax(size, least * largest);
        if (!(error <= worst)) {
            worst = error;
            *name = entry->name;
        }
    }
    return worst;
}

/* Whether this row holds on this rank. */
static bool run(clr_comm *comm, const row *r)
{
    clr_split split = clr_split_of(r->batch, r->microbatch, clr_comm_size(comm), clr_comm_rank(comm));
    split.views = views_of(r);
    const clr_encoder_config config = {.depth = r->depth,
                                       .width = r->depth == 18 ? 0.125 : 0.0625,
                                       .stem = CLR_STEM_CIFAR,
                                       .size = SIZE,
                                       .channels = CHANNELS,
                                       .head = r->supervised ? CLR_HEAD_NONE : CLR_HEAD_NONLINEAR,
                                       .head_layers = 2,
                                       .head_dim = DIM,
                                       .bn = CLR_BN_GLOBAL,
                                       .recompute = r->recompute,
                                       .views = split.views * split.most,
                                       .training = true};
    const clr_loss_config loss_config = {.temperature = TEMPERATURE, .l2norm = true};
    const clr_optim_config optim_config = {.kind = CLR_OPTIM_sgd};
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm), salt = 0;
    int first = (int)clr_share(r->batch, ranks, rank), mine = (int)clr_share(r->batch, ranks, rank + 1) - first;
    clr_planner *planner = NULL;
    clr_encoder *encoder = NULL;
    clr_objective *loss = NULL;
    clr_params own = {0};
    clr_step *step = NULL;
    clr_step_result result;
    float *x = CLR_NEW(float, split.views *mine *PIXELS);
    int32_t *labels = CLR_NEW(int32_t, mine);
    bool good = clr_planner_open(comm, "estimate", NULL, &planner) == CLR_OK &&
                clr_encoder_new(comm, planner, &config, &own, &encoder) == CLR_OK;

    CLR_CHECK(good);
    clr_params *params = &own;
    int dim = clr_encoder_outputs(encoder);
    const clr_softmax_config softmax = {"classifier", dim, CLASSES, mine, r->batch, false};
    if (r->supervised)
        loss = clr_softmax_new(params, &softmax);
    clr_params_open(params);
    clr_optim *optim = clr_optim_new(&optim_config, params);
    truth t = {.grad = CLR_NEW(double, params->weights.floats), .state = CLR_NEW(double, params->states.floats)};
    CLR_CHECK(r->supervised || clr_loss_new(comm, &loss_config, r->batch, DIM, &loss) == CLR_OK);
    const clr_step_parts parts = {encoder, loss, NULL, optim};
    CLR_CHECK(clr_step_new(comm, &parts, &split, PIXELS, &step) == CLR_OK);
    clr_params_init(params, 1);
    for (bool clear = false; rank == 0 && !clear;) { /* weights for which no ReLU is in doubt */
        fixture_fill(params, (uint32_t)++salt);
        clear = compute(&config, params, r, dim, &t);
        CLR_CHECK(salt < 1000);
    }
    clr_comm_broadcast(comm, &salt, sizeof salt, 0);
    clr_comm_broadcast(comm, &t.loss, sizeof t.loss, 0);
    clr_comm_broadcast(comm, t.grad, params->weights.floats * (int64_t)sizeof *t.grad, 0);
    clr_comm_broadcast(comm, t.state, params->states.floats * (int64_t)sizeof *t.state, 0);
    fixture_fill(params, (uint32_t)salt);
    for (int i = 0; i < mine; i++)
        labels[i] = label_of(first + i);
    for (int view = 0; view < split.views; view++)
        fixture_images(x + view * mine * PIXELS, view * r->batch + first, mine, SIZE, CHANNELS);
    clr_status st = clr_step_run(step, x, labels, 0, 0, 0, &result);

    const char *grad_name = "none", *state_name = "none";
    double error[4] = {1, 1, 1, 1};
    if (st == CLR_OK) {
        error[0] = fabs(result.loss.loss - t.loss) / t.loss;
        error[1] = reference_distance(params->grad, t.grad, params->weights.floats);
        error[2] = worst_of(&params->weights, params->grad, t.grad, 0.02, &grad_name);
        error[3] = worst_of(&params->states, params->state, t.state, 0, &state_name);
    } else
        fprintf(stderr, "rank %d: %s\n", rank, clr_message());
    double own_bound = 8 * FLT_EPSILON * sqrt((double)split.views * r->batch * SIZE * SIZE);
    good = error[0] <= 1e-6 && error[1] <= 1e-5 && error[2] <= own_bound && error[3] <= 1e-5;
    clr_comm_allreduce_max_double(comm, error, 4);
    if (rank == 0)
        printf("%5d  resnet%d %5d %10d %9s   %.6f %8.1e %9.1e %9.1e %9.1e  (%s)\n", ranks, r->depth, r->batch,
               r->microbatch, r->recompute ? "yes" : "no", t.loss, error[0], error[1], error[2], error[3], grad_name);
    clr_step_free(step);
    clr_objective_free(loss);
    clr_optim_free(optim);
    clr_encoder_free(encoder);
    clr_params_close(&own);
    clr_planner_close(planner);
    clr_free(t.grad);
    clr_free(t.state);
    clr_free(labels);
    clr_free(x);
    return good;
}

int main(int argc, char **argv)
{
    clr_comm *comm;
    int64_t bad = 0;

    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK)
        return EXIT_FAILURE;
    if (clr_comm_rank(comm) == 0)
        printf("%5s  %8s %5s %10s %9s   %8s %8s %9s %9s %9s\n", "ranks", "arch", "batch", "microbatch", "recompute",
               "loss", "error", "gradient", "worst", "states");
    for (size_t i = 0; i < CLR_COUNT(rows); i++)
        if (rows[i].batch >= clr_comm_size(comm))
            bad += !run(comm, &rows[i]);
    clr_comm_allreduce_sum_int(comm, &bad, 1);
    clr_comm_stop(comm);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
