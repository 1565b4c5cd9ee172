/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows of a contrastive objective: which rank holds which; scaled to unit length and gathered; the gradient through
   that scaling. */
#include "engine.h"

#include <math.h>

static const double NORM_FLOOR = 1e-12; /* of a row's squared length, as the paper's code has it */

int64_t clr_loss_rows_of(const clr_loss *loss, int rank)
{
    int ranks = clr_comm_size(loss->comm);
    return 2 * (clr_share(loss->images, ranks, rank + 1) - clr_share(loss->images, ranks, rank));
}

void clr_loss_block_of(const clr_loss *loss, int64_t row, int64_t *first, int64_t *rows)
{
    *first = *rows = 0;
    for (int r = 0;; r++, *first += *rows) {
        *rows = clr_loss_rows_of(loss, r);
        if (row < *first + *rows)
            return;
    }
}

int64_t clr_loss_partner(const clr_loss *loss, int64_t row)
{
    int64_t first, rows;

    clr_loss_block_of(loss, row, &first, &rows);
    return first + (row - first + rows / 2) % rows;
}

double clr_loss_gather_rows(clr_loss *loss, const float *z)
{
    int dim = loss->dim;

#pragma omp parallel for schedule(static)
    for (int i = 0; i < loss->mine; i++) {
        const float *row = z + (int64_t)i * dim;
        double square = 0;
        for (int d = 0; d < dim; d++)
            square += (double)row[d] * row[d];
        loss->rnorm[i] = loss->config.l2norm ? (float)(1 / sqrt(square > NORM_FLOOR ? square : NORM_FLOOR)) : 1;
        for (int d = 0; d < dim; d++)
            loss->z[(int64_t)i * dim + d] = row[d] * loss->rnorm[i];
    }
    double begin = clr_seconds();
    for (int r = 0; r < clr_comm_size(loss->comm); r++)
        loss->counts[r] = clr_loss_rows_of(loss, r) * dim;
    clr_comm_allgatherv(loss->comm, loss->z, loss->gathered, loss->counts);
    double seconds = clr_seconds() - begin;
#pragma omp parallel for schedule(static)
    for (int64_t block = 0; block < clr_loss_blocks(loss->all); block++) {
        const float *from = loss->gathered + block * CLR_LOSS_SIDE * dim;
        int rows = (int)clr_min64(CLR_LOSS_SIDE, loss->all - block * CLR_LOSS_SIDE);
        loss->panel->pack(true, dim, rows, loss->scale, from, dim, loss->panels_zT + block * loss->zT_step);
        loss->panel->pack(false, rows, dim, 1, from, dim, loss->panels_z + block * loss->z_step);
    }
    return seconds;
}

double clr_loss_gather_stats(clr_loss *loss)
{
    double begin = clr_seconds();

    for (int i = 0; i < loss->mine; i++) {
        const clr_loss_anchor *a = &loss->anchor[i];
        float *to = loss->stats + 3 * (int64_t)i;
        to[0] = a->positive, to[1] = a->p, to[2] = a->q;
    }
    for (int r = 0; r < clr_comm_size(loss->comm); r++)
        loss->counts[r] = clr_loss_rows_of(loss, r) * 3;
    clr_comm_allgatherv(loss->comm, loss->stats, loss->all_stats, loss->counts);
    return clr_seconds() - begin;
}

void clr_loss_through_norm(clr_loss *loss, float *dz)
{
    int dim = loss->dim;
    float share = loss->scale / (float)loss->all;

#pragma omp parallel for schedule(static)
    for (int i = 0; i < loss->mine; i++) {
        int64_t other = clr_loss_partner(loss, loss->first + i);
        float *g = dz + (int64_t)i * dim;
        const float *z = loss->z + (int64_t)i * dim, *positive = loss->gathered + other * dim;
        float weight = loss->anchor[i].weight + loss->anchor[other - loss->first].weight;
        for (int d = 0; d < dim; d++)
            g[d] = share * (g[d] + weight * positive[d]);
        if (!loss->config.l2norm)
            continue;
        bool floored = loss->rnorm[i] >= (float)(1 / sqrt(NORM_FLOOR)); /* then the length is a constant */
        float along = floored ? 0 : clr_loss_dot(g, z, dim);
        for (int d = 0; d < dim; d++)
            g[d] = (g[d] - along * z[d]) * loss->rnorm[i];
    }
}
