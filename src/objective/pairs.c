/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums and gradients over pairs of rows. Similarities exist only as tiles, made twice: for the anchors' sums, and
   again for the gradients. Any loss on any number of ranks: this rank's rows against all columns.
 */
#include "engine.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* Masks what is no negative of gathered row `row` in its similarities s to columns c0 .. c0+n-1. */
static void mask(const clr_loss *loss, int64_t row, int64_t c0, int n, float *s)
{
    int64_t other = clr_loss_partner(loss, row);

    if (row >= c0 && row < c0 + n)
        s[row - c0] = CLR_MASKED;
    if (other >= c0 && other < c0 + n)
        s[other - c0] = CLR_MASKED;
    if (loss->config.negatives == CLR_NEGATIVES_TWO_VIEW)
        return;
    int64_t first, rows;
    clr_loss_block_of(loss, row, &first, &rows);
    bool second = row - first >= rows / 2;
    for (int64_t column = c0; column < c0 + n;) { /* stretches of one view */
        clr_loss_block_of(loss, column, &first, &rows);
        int64_t middle = first + rows / 2, end = column < middle ? middle : first + rows;
        bool same = (column >= middle) == second;
        end = end < c0 + n ? end : c0 + n;
        for (int64_t j = column; j < end && same; j++)
            s[j - c0] = CLR_MASKED;
        column = end;
    }
}

void clr_loss_similarities(const clr_loss *loss, int64_t row, int rows, int64_t block, int columns, float *s)
{
    loss->panel->multiply(rows, columns, loss->dim, loss->gathered + row * loss->dim, loss->dim, 1,
                          loss->panels_zT + block * loss->zT_step, false, s, CLR_LOSS_LD, NULL);
}

void clr_loss_weighted(const clr_loss *loss, bool transposed, const float *w, int rows, int64_t block, int columns,
                       bool add, float *dz)
{
    loss->panel->multiply(rows, loss->dim, columns, w, transposed ? 1 : CLR_LOSS_LD, transposed ? CLR_LOSS_LD : 1,
                          loss->panels_z + block * loss->z_step, add, dz, loss->dim, NULL);
}

static void rows_accumulate(clr_loss *loss)
{
#pragma omp parallel num_threads(loss->threads)
    {
        float *s = loss->tile + (int64_t)omp_get_thread_num() * CLR_LOSS_TILE;
        double negative = 0;
#pragma omp for schedule(static)
        for (int i0 = 0; i0 < loss->mine; i0 += CLR_LOSS_ROWS) {
            int rows = (int)clr_min64(CLR_LOSS_ROWS, loss->mine - i0);
            for (int pass = loss->bounded ? 1 : 0; pass < 2; pass++)
                for (int64_t c0 = 0; c0 < loss->all; c0 += CLR_LOSS_SIDE) {
                    int columns = (int)clr_min64(CLR_LOSS_SIDE, loss->all - c0);
                    clr_loss_similarities(loss, loss->first + i0, rows, c0 / CLR_LOSS_SIDE, columns, s);
                    for (int i = 0; i < rows; i++) {
                        clr_loss_anchor *a = &loss->anchor[i0 + i];
                        float *row = s + (int64_t)i * CLR_LOSS_LD;
                        mask(loss, loss->first + i0 + i, c0, columns, row);
                        if (pass == 0) {
                            for (int j = 0; j < columns; j++)
                                a->shift = row[j] > a->shift ? row[j] : a->shift;
                            continue;
                        }
                        loss->op->accumulate(&loss->config, row, columns, a);
                        loss->symmetric->place(row, columns, a->high, a->low, &loss->above[i0 + i],
                                               &loss->least[i0 + i], &negative);
                    }
                }
        }
        loss->negative[omp_get_thread_num()] = negative;
    }
}

void clr_loss_symmetric_weights(const clr_loss *loss, int i0, int rows, int64_t c0, int columns, float *s)
{
    float row_factor[CLR_LOSS_SIDE], column_factor[CLR_LOSS_SIDE];

    for (int i = 0; i < rows; i++)
        row_factor[i] = expf(loss->scale - loss->anchor[i0 + i].p);
    for (int j = 0; j < columns; j++)
        column_factor[j] = expf(loss->scale - loss->all_stats[3 * (c0 + j) + 1]);
    for (int i = 0; i < rows; i++)
        for (int j = columns; j < CLR_LOSS_SIDE; j++)
            s[(int64_t)i * CLR_LOSS_LD + j] = CLR_MASKED;
    memset(column_factor + columns, 0, (size_t)(CLR_LOSS_SIDE - columns) * sizeof *column_factor);
    loss->symmetric->gradient(s, rows, CLR_LOSS_SIDE, CLR_LOSS_LD, loss->scale, row_factor, column_factor);
}

/* s -> dl_i/ds + dl_j/ds of any loss, into w. */
static void weights_of(const clr_loss *loss, int i0, int rows, int64_t c0, int columns, const float *s, float *w)
{
    for (int i = 0; i < rows; i++) {
        const clr_loss_anchor *a = &loss->anchor[i0 + i];
        const float *row = s + (int64_t)i * CLR_LOSS_LD;
        float *weight = w + (int64_t)i * CLR_LOSS_LD;
        memset(weight, 0, (size_t)columns * sizeof *weight);
        loss->op->gradient(&loss->config, row, columns, a->positive, a->p, a->q, weight);
        for (int j = 0; j < columns; j++) {
            const float *stats = loss->all_stats + 3 * (c0 + j);
            if (loss->op->softmax) /* a call for each would take longer than the products */
                weight[j] += row[j] > CLR_MASKED / 2 ? expf(row[j] - stats[1]) : 0;
            else
                loss->op->gradient(&loss->config, row + j, 1, stats[0], stats[1], stats[2], weight + j);
        }
    }
}

static void rows_gradient(clr_loss *loss, float *dz)
{
    int dim = loss->dim;
    bool factor = loss->op->softmax && loss->bounded;

#pragma omp parallel num_threads(loss->threads)
    {
        float *s = loss->tile + (int64_t)omp_get_thread_num() * CLR_LOSS_TILE,
              *w = loss->weights + (int64_t)omp_get_thread_num() * CLR_LOSS_TILE;
#pragma omp for schedule(static)
        for (int i0 = 0; i0 < loss->mine; i0 += CLR_LOSS_ROWS) {
            int rows = (int)clr_min64(CLR_LOSS_ROWS, loss->mine - i0);
            for (int64_t c0 = 0; c0 < loss->all; c0 += CLR_LOSS_SIDE) {
                int columns = (int)clr_min64(CLR_LOSS_SIDE, loss->all - c0);
                clr_loss_similarities(loss, loss->first + i0, rows, c0 / CLR_LOSS_SIDE, columns, s);
                for (int i = 0; i < rows; i++)
                    mask(loss, loss->first + i0 + i, c0, columns, s + (int64_t)i * CLR_LOSS_LD);
                if (factor)
                    clr_loss_symmetric_weights(loss, i0, rows, c0, columns, s);
                else
                    weights_of(loss, i0, rows, c0, columns, s, w);
                clr_loss_weighted(loss, false, factor ? s : w, rows, c0 / CLR_LOSS_SIDE, columns, c0 > 0,
                                  dz + (int64_t)i0 * dim);
            }
        }
    }
}

void clr_loss_accumulate(clr_loss *loss)
{
    loss->triangle ? clr_loss_triangle_accumulate(loss) : rows_accumulate(loss);
}

void clr_loss_gradient(clr_loss *loss, float *dz)
{
    loss->triangle ? clr_loss_triangle_gradient(loss, dz) : rows_gradient(loss, dz);
}
