/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine of the contrastive losses. With z^ the rows of all ranks, scaled to unit length (or not), s_ij = z^_i .
   z^_j / T, and L the mean of the anchors' losses l_i over all 2G,

     dL/dz^_i = 1 / (2G T) sum_j (dl_i/ds_ij + dl_j/ds_ij) z^_j ,

   because s is symmetric: a rank computes the gradient of its own rows from gathered z^ and three gathered numbers an
   anchor, and no gradient is reduced. Then through the scaling: dz = (g - (g . z^) z^) / |z|. exp is kept in range by a
   bound: 1 / T for unit rows, or, where that leaves too little range, the largest similarity of each row, found first.
   */
#include "engine.h"

#include "clr/isa.h"
#include "clr/mem.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#define DECLARE(name) CLR_KERNEL_DECLARE(const clr_loss_op, clr_loss_##name);
CLR_LOSSES(DECLARE, )
CLR_KERNEL_DECLARE(const clr_loss_symmetric, clr_loss_symmetric);

enum { TRIANGLE_THREADS = 16 };

int64_t clr_loss_blocks(int64_t rows)
{
    return (rows + CLR_LOSS_SIDE - 1) / CLR_LOSS_SIDE;
}

static const clr_loss_op *op_of(const clr_loss_config *config)
{
#define PICK(name) CLR_KERNEL_PICK(clr_loss_##name),
    const clr_loss_op *const ops[] = {CLR_LOSSES(PICK, )};

    CLR_CHECK(config->kind >= 0 && config->kind < (int)CLR_COUNT(ops));
    return ops[config->kind];
}

int64_t clr_loss_bytes(int64_t images, int64_t mine, int dim)
{
    int threads = omp_get_max_threads();
    int64_t both = mine == images ? (threads < TRIANGLE_THREADS ? threads : TRIANGLE_THREADS) : 0;
    int64_t panels = clr_loss_blocks(2 * images) * (clr_panel_current()->floats(dim, CLR_LOSS_SIDE) +
                                                    clr_panel_current()->floats(CLR_LOSS_SIDE, dim));

    return (int64_t)sizeof(float) *
           (panels + 2 * images * (dim + 3) + 2 * mine * (dim + 6 + (int64_t)sizeof(clr_loss_anchor) / 4) +
            2 * threads * CLR_LOSS_TILE + both * 2 * images * (dim + 6) + 2 * dim);
}

static clr_status apply(clr_objective *objective, const clr_objective_rows *rows, float *dz,
                        clr_objective_result *result);
static void close_(clr_objective *objective);
static const clr_objective_op contrastive = {.name = "contrastive", .whole = true, .apply = apply, .close = close_};

clr_status clr_loss_new(clr_comm *comm, const clr_loss_config *config, int64_t images, int dim, clr_objective **out)
{
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm);

    *out = NULL;
    if (images < 2)
        return clr_fail(CLR_EUSAGE, "a batch of one image has no negatives: --batch must be at least 2");
    if (images < ranks)
        return clr_fail(CLR_EUSAGE, "%lld images for %d ranks: each needs one", (long long)images, ranks);
    clr_loss *loss = CLR_NEW(clr_loss, 1);
    *loss = (clr_loss){.objective = {&contrastive, dim},
                       .comm = comm,
                       .config = *config,
                       .op = op_of(config),
                       .symmetric = CLR_KERNEL_PICK(clr_loss_symmetric),
                       .panel = clr_panel_current(),
                       .images = images,
                       .all = 2 * images,
                       .dim = dim,
                       .threads = omp_get_max_threads()};
    loss->scale = loss->op->temperature ? (float)(1 / config->temperature) : 1;
    loss->bounded = config->l2norm && loss->scale <= 40; /* exp(-2 / T) stays a normal number */
    loss->triangle = ranks == 1 && loss->op->softmax && loss->bounded && config->negatives == CLR_NEGATIVES_TWO_VIEW &&
                     loss->threads <= TRIANGLE_THREADS;
    loss->counts = CLR_NEW(int64_t, ranks);
    loss->mine = (int)clr_loss_rows_of(loss, rank);
    for (int r = 0; r < rank; r++)
        loss->first += clr_loss_rows_of(loss, r);
    loss->gathered = CLR_NEW(float, loss->all *dim);
    loss->zT_step = loss->panel->floats(dim, CLR_LOSS_SIDE);
    loss->z_step = loss->panel->floats(CLR_LOSS_SIDE, dim);
    loss->panels_zT = CLR_NEW(float, clr_loss_blocks(loss->all) * loss->zT_step);
    loss->panels_z = CLR_NEW(float, clr_loss_blocks(loss->all) * loss->z_step);
    loss->z = CLR_NEW(float, (int64_t)loss->mine *dim);
    loss->rnorm = CLR_NEW(float, loss->mine);
    loss->stats = CLR_NEW(float, 3 * (int64_t)loss->mine);
    loss->all_stats = CLR_NEW(float, 3 * loss->all);
    loss->anchor = CLR_NEW(clr_loss_anchor, loss->mine);
    int64_t places = (int64_t)loss->mine * (loss->triangle ? loss->threads : 1) + 64;
    loss->above = CLR_NEW(int32_t, places);
    loss->least = CLR_NEW(int32_t, places);
    loss->tile = CLR_NEW(float, (int64_t)loss->threads *CLR_LOSS_TILE);
    loss->weights = CLR_NEW(float, (int64_t)loss->threads *CLR_LOSS_TILE);
    loss->negative = CLR_NEW(double, loss->threads);
    loss->mean = CLR_NEW(double, dim);
    if (loss->triangle) {
        loss->sums = CLR_NEW(double, 2 * loss->all * loss->threads);
        loss->parts = CLR_NEW(float, loss->all *dim *(loss->threads - 1) + 1);
    }
    *out = &loss->objective;
    return CLR_OK;
}

static void close_(clr_objective *objective)
{
    clr_loss *loss = (clr_loss *)objective;
    void *all[] = {loss->counts, loss->gathered, loss->z,     loss->rnorm,     loss->stats,   loss->all_stats,
                   loss->anchor, loss->above,    loss->least, loss->tile,      loss->weights, loss->sums,
                   loss->parts,  loss->negative, loss->mean,  loss->panels_zT, loss->panels_z};
    for (size_t i = 0; i < CLR_COUNT(all); i++)
        clr_free(all[i]);
    clr_free(loss);
}

double clr_loss_chance(const clr_loss_config *config, int64_t images)
{
    const clr_loss_op *op = op_of(config);
    return op->chance ? op->chance(config, images) : NAN;
}

/* sum over j of z^_i . z^_j without i and its partner, from the sum of all rows: what the triangle does not count. */
static double negative_sum(const clr_loss *loss)
{
    double total = 0;

    for (int d = 0; d < loss->dim; d++) {
        double sum = 0;
        for (int64_t i = 0; i < loss->all; i++)
            sum += loss->gathered[i * loss->dim + d];
        total += sum * sum;
    }
    for (int i = 0; i < loss->mine; i++)
        total -= clr_loss_dot(loss->z + (int64_t)i * loss->dim, loss->z + (int64_t)i * loss->dim, loss->dim) +
                 loss->anchor[i].positive / loss->scale;
    return total * loss->scale;
}

/* Equal rows have sums of D products that are one number but for rounding: the positive's is made in double, the
   others' in float, where D equal terms, each rounded the same way, are off by D / 4 eps. */
static void begin_anchors(clr_loss *loss)
{
    const float near = ((float)loss->dim / 4 + 2) * FLT_EPSILON;

    for (int i = 0; i < loss->mine; i++) {
        int64_t other = clr_loss_partner(loss, loss->first + i);
        float s = loss->scale *
                  clr_loss_dot(loss->z + (int64_t)i * loss->dim, loss->gathered + other * loss->dim, loss->dim),
              slack = fabsf(s) * near;
        loss->anchor[i] = (clr_loss_anchor){
            .positive = s,
            .high = s + slack,
            .low = s - slack,
            .shift = loss->bounded        ? loss->scale
                     : loss->op->positive ? s
                                          : -INFINITY,
            .negatives = (float)(loss->config.negatives == CLR_NEGATIVES_ONE_VIEW ? loss->images - 1 : loss->all - 2)};
        loss->above[i] = loss->least[i] = 0;
    }
}

/* The probability that the positive of anchor i is among the most similar `places`, where negatives as similar as it
   come in random order. */
static double among(const clr_loss *loss, int i, int places)
{
    int left = places - loss->above[i], level = loss->least[i] - loss->above[i];

    return left <= 0 ? 0 : left > level ? 1 : left / (level + 1.0);
}

/* 1 - |mean of rows|^2 / mean of |row|^2. */
static double spread(clr_loss *loss)
{
    double squares = 0, mean = 0;

    memset(loss->mean, 0, (size_t)loss->dim * sizeof *loss->mean);
    for (int64_t i = 0; i < loss->all; i++)
        for (int d = 0; d < loss->dim; d++) {
            double x = loss->gathered[i * loss->dim + d];
            loss->mean[d] += x;
            squares += x * x;
        }
    for (int d = 0; d < loss->dim; d++)
        mean += loss->mean[d] * loss->mean[d];
    return squares > 0 ? fmax(0, 1 - mean / ((double)loss->all * squares)) : 0;
}

static clr_status apply(clr_objective *objective, const clr_objective_rows *rows, float *dz,
                        clr_objective_result *result)
{
    clr_loss *loss = (clr_loss *)objective;
    const float *z = rows->x;
    double sums[8] = {0},
           pairs = (double)loss->all * (loss->config.negatives == CLR_NEGATIVES_ONE_VIEW ? (double)loss->images - 1
                                                                                         : (double)loss->all - 2);
    double seconds = clr_loss_gather_rows(loss, z);

    begin_anchors(loss);
    clr_loss_accumulate(loss);
    for (int i = 0; i < loss->mine; i++) {
        clr_loss_anchor *a = &loss->anchor[i];
        loss->op->finish(&loss->config, a);
        sums[0] += a->loss;
        sums[1] += among(loss, i, 1);
        sums[2] += among(loss, i, 5);
        sums[3] += a->entropy;
        sums[4] += a->positive / loss->scale;
    }
    if (loss->triangle)
        sums[5] = negative_sum(loss);
    for (int thread = 0; thread < loss->threads && !loss->triangle; thread++)
        sums[5] += loss->negative[thread];
    for (int i = 0; i < loss->mine; i++)
        sums[6] += !isfinite(loss->anchor[i].loss);
    double begin = clr_seconds();
    clr_comm_allreduce_sum_double(loss->comm, sums, 8);
    seconds += clr_seconds() - begin + clr_loss_gather_stats(loss);
    clr_loss_gradient(loss, dz);
    clr_loss_through_norm(loss, dz);
    *result = (clr_objective_result){.loss = sums[0] / (double)loss->all,
                                     .top1 = sums[1] / (double)loss->all,
                                     .top5 = sums[2] / (double)loss->all,
                                     .entropy = sums[3] / (double)loss->all,
                                     .positive = sums[4] / (double)loss->all,
                                     .negative = pairs > 0 ? sums[5] / loss->scale / pairs : 0,
                                     .spread = spread(loss),
                                     .gather_seconds = seconds};
    for (int64_t i = 0; i < (int64_t)loss->mine * loss->dim; i++)
        if (!isfinite(z[i]))
            return clr_fail(CLR_ENUMERIC, "the embedding of view %lld of this rank is not finite",
                            (long long)(i / loss->dim));
    if (!isfinite(result->loss))
        return clr_fail(CLR_ENUMERIC, "the loss is not finite");
    return CLR_OK;
}
