/* SPDX-License-Identifier: BSD-3-Clause */
/* NT-Xent on a lone rank, which owns both sides of every pair. Each tile of the upper triangle serves its rows and its
   columns, at half the arithmetic. Every thread adds to sums of its own, which are added up in the order of threads. */
#include "engine.h"

#include <omp.h>
#include <string.h>

/* Tile number t of the triangle: row block i <= column block j. */
static void corner(int64_t t, int64_t blocks, int64_t *i, int64_t *j)
{
    for (*i = 0; t >= blocks - *i; ++*i)
        t -= blocks - *i;
    *j = *i + t;
}

/* The tile with what is no negative masked, its columns padded to whole CLR_LOSS_SIDE. */
static void triangle_tile(const clr_loss *loss, int64_t r0, int64_t c0, float *s, int *rows, int *columns)
{
    *rows = (int)clr_min64(CLR_LOSS_SIDE, loss->all - r0);
    *columns = (int)clr_min64(CLR_LOSS_SIDE, loss->all - c0);
    clr_loss_similarities(loss, r0, *rows, c0 / CLR_LOSS_SIDE, *columns, s);
    for (int i = 0; i < *rows; i++) {
        int64_t row = r0 + i, other = row < loss->images ? row + loss->images : row - loss->images;
        float *at = s + (int64_t)i * CLR_LOSS_LD;
        if (row >= c0 && row < c0 + *columns)
            at[row - c0] = CLR_MASKED;
        if (other >= c0 && other < c0 + *columns)
            at[other - c0] = CLR_MASKED;
        for (int j = *columns; j < CLR_LOSS_SIDE; j++)
            at[j] = CLR_MASKED;
    }
}

static void edges_of(const clr_loss *loss, int64_t first, int n, float *high, float *low)
{
    for (int k = 0; k < CLR_LOSS_SIDE; k++) {
        high[k] = k < n ? loss->anchor[first + k].high : 0;
        low[k] = k < n ? loss->anchor[first + k].low : 0;
    }
}

void clr_loss_triangle_accumulate(clr_loss *loss)
{
    int64_t n = loss->all, blocks = clr_loss_blocks(n), tiles = blocks * (blocks + 1) / 2;

#pragma omp parallel num_threads(loss->threads)
    {
        int thread = omp_get_thread_num();
        float *s = loss->tile + (int64_t)thread * CLR_LOSS_TILE;
        double *a = loss->sums + 2 * n * thread, *b = a + n;
        int32_t *above = loss->above + n * thread, *least = loss->least + n * thread, counts[2][CLR_LOSS_SIDE];
        float ca[CLR_LOSS_SIDE], cb[CLR_LOSS_SIDE], edges[4][CLR_LOSS_SIDE];
        memset(a, 0, 2 * (size_t)n * sizeof *a);
        memset(above, 0, (size_t)n * sizeof *above);
        memset(least, 0, (size_t)n * sizeof *least);
        for (int64_t t = thread; t < tiles; t += loss->threads) {
            int64_t i, j;
            int rows, columns;
            corner(t, blocks, &i, &j);
            triangle_tile(loss, i * CLR_LOSS_SIDE, j * CLR_LOSS_SIDE, s, &rows, &columns);
            edges_of(loss, i * CLR_LOSS_SIDE, rows, edges[0], edges[1]);
            edges_of(loss, j * CLR_LOSS_SIDE, columns, edges[2], edges[3]);
            memset(ca, 0, sizeof ca);
            memset(cb, 0, sizeof cb);
            memset(counts, 0, sizeof counts);
            const clr_loss_places row = {edges[0], edges[1], above + i * CLR_LOSS_SIDE, least + i * CLR_LOSS_SIDE},
                                  column = {edges[2], edges[3], counts[0], counts[1]};
            loss->symmetric->accumulate(s, rows, CLR_LOSS_SIDE, CLR_LOSS_LD, loss->scale, a + i * CLR_LOSS_SIDE,
                                        b + i * CLR_LOSS_SIDE, &row, i < j ? ca : NULL, cb, &column);
            for (int k = 0; k < columns && i < j; k++) {
                a[j * CLR_LOSS_SIDE + k] += ca[k];
                b[j * CLR_LOSS_SIDE + k] += cb[k];
                above[j * CLR_LOSS_SIDE + k] += counts[0][k];
                least[j * CLR_LOSS_SIDE + k] += counts[1][k];
            }
        }
    }
    for (int64_t i = 0; i < n; i++)
        for (int thread = 0; thread < loss->threads; thread++) {
            loss->anchor[i].a += loss->sums[2 * n * thread + i];
            loss->anchor[i].b += loss->sums[2 * n * thread + n + i];
            loss->above[i] += thread ? loss->above[n * thread + i] : 0;
            loss->least[i] += thread ? loss->least[n * thread + i] : 0;
        }
}

void clr_loss_triangle_gradient(clr_loss *loss, float *dz)
{
    int64_t n = loss->all, blocks = clr_loss_blocks(n), tiles = blocks * (blocks + 1) / 2;
    int dim = loss->dim;

#pragma omp parallel num_threads(loss->threads)
    {
        int thread = omp_get_thread_num();
        float *s = loss->tile + (int64_t)thread * CLR_LOSS_TILE,
              *out = thread ? loss->parts + n * dim * (thread - 1) : dz;
        memset(out, 0, (size_t)(n * dim) * sizeof *out);
        for (int64_t t = thread; t < tiles; t += loss->threads) {
            int64_t i, j;
            int rows, columns;
            corner(t, blocks, &i, &j);
            triangle_tile(loss, i * CLR_LOSS_SIDE, j * CLR_LOSS_SIDE, s, &rows, &columns);
            clr_loss_symmetric_weights(loss, (int)(i * CLR_LOSS_SIDE), rows, j * CLR_LOSS_SIDE, columns, s);
            clr_loss_weighted(loss, false, s, rows, j, columns, true, out + i * CLR_LOSS_SIDE * dim);
            if (i < j)
                clr_loss_weighted(loss, true, s, columns, i, rows, true, out + j * CLR_LOSS_SIDE * dim);
        }
#pragma omp barrier
#pragma omp for schedule(static)
        for (int64_t k = 0; k < n * dim; k++)
            for (int other = 0; other < loss->threads - 1; other++)
                dz[k] += loss->parts[n * dim * other + k];
    }
}
