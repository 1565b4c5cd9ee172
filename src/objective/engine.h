/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LOSS_ENGINE_H
#define CLR_LOSS_ENGINE_H
/* Shared by contrastive.c (what every loss does around its similarities), rows.c (embeddings among ranks), pairs.c and
   triangle.c (sums and gradients over pairs, in tiles). */
#include "clr/gemm.h"
#include "ops.h"

/* A tile: up to ROWS or SIDE gathered rows by SIDE columns, LD floats apart: more than SIDE, so that the rows of a
   column fall into different lines of the cache. */
enum {
    CLR_LOSS_ROWS = 48,
    CLR_LOSS_SIDE = 192,
    CLR_LOSS_LD = CLR_LOSS_SIDE + 16,
    CLR_LOSS_TILE = CLR_LOSS_SIDE * CLR_LOSS_LD
};

typedef struct clr_loss {
    clr_objective objective;
    clr_comm *comm;
    clr_loss_config config;
    const clr_loss_op *op;
    const clr_loss_symmetric *symmetric;
    const clr_panel_op *panel;
    int64_t images, all, first;  /* G; 2G; where this rank's rows begin */
    int mine, dim, threads;      /* 2B; D */
    bool bounded;                /* exp is kept in range by 1 / T */
    bool triangle;               /* tiles of the upper triangle alone, see triangle.c */
    float scale;                 /* 1 / T */
    int64_t *counts;             /* of each rank, in whatever is gathered */
    float *z, *gathered, *rnorm; /* z^ of this rank, of all; 1 / |z| */
    /* For each SIDE gathered rows: panels of their transpose over T (D, SIDE); of themselves (SIDE, D). */
    float *panels_zT, *panels_z;
    int64_t zT_step, z_step;  /* floats from one block's panels to the next's */
    float *stats, *all_stats; /* positive, p, q of each anchor of this rank; of all */
    clr_loss_anchor *anchor;
    int32_t *above, *least; /* negatives of each anchor above its high; at its low or above; triangle: of each thread */
    float *tile, *weights;  /* one tile a thread */
    double *sums;           /* triangle: 2 a row and thread */
    float *parts;           /* triangle: dz of all rows, one a thread but the first */
    double *negative;       /* sum of similarities, one a thread */
    double *mean;           /* (D) */
} clr_loss;

/* Local. Rows (views) that rank r holds; blocks of SIDE rows. */
int64_t clr_loss_rows_of(const clr_loss *loss, int rank);
int64_t clr_loss_blocks(int64_t rows);

/* Local. The rank that holds a gathered row begins at *first with *rows rows: first views, then second. */
void clr_loss_block_of(const clr_loss *loss, int64_t row, int64_t *first, int64_t *rows);
/* Local. The gathered row that is the positive of `row`. */
int64_t clr_loss_partner(const clr_loss *loss, int64_t row);

/* Local. The product of two rows, summed in double. */
static inline float clr_loss_dot(const float *a, const float *b, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return (float)sum;
}

/* rows.c. Collective. z (2B, D) -> z^ of this rank, of all ranks, and their panels. Returns the seconds it gathered. */
double clr_loss_gather_rows(clr_loss *loss, const float *z);
/* rows.c. Collective. {positive, p, q} of this rank's anchors -> all_stats. Returns the seconds of gathering. */
double clr_loss_gather_stats(clr_loss *loss);
/* rows.c. Local. dz (2B, D): 2G T dL/dz^ without the positives' part -> dL/dz. */
void clr_loss_through_norm(clr_loss *loss, float *dz);

/* pairs.c. Local. s (rows, columns; CLR_LOSS_LD apart) = z^ (rows from gathered row `row`) . z^' of a block / T. */
void clr_loss_similarities(const clr_loss *loss, int64_t row, int rows, int64_t block, int columns, float *s);
/* pairs.c. Local. dz (rows, D) = [dz +] w (rows, columns) . z^ of a block; transposed: w lies with rows and columns
   exchanged. */
void clr_loss_weighted(const clr_loss *loss, bool transposed, const float *w, int rows, int64_t block, int columns,
                       bool add, float *dz);
/* pairs.c. Local. s -> dl_i/ds + dl_j/ds of ntxent. Both sides differ by a factor:
   exp(s - lse) = exp(s - shift) / sum. */
void clr_loss_symmetric_weights(const clr_loss *loss, int i0, int rows, int64_t c0, int columns, float *s);

/* triangle.c. Local. clr_loss_accumulate and clr_loss_gradient where loss->triangle. */
void clr_loss_triangle_accumulate(clr_loss *loss);
void clr_loss_triangle_gradient(clr_loss *loss, float *dz);

/* pairs.c. Local. From gathered rows and begun anchors: the sums of every anchor of this rank, and its positive's
   place. */
void clr_loss_accumulate(clr_loss *loss);
/* pairs.c. Local. From finished anchors of all ranks: dz (2B, D) = 2G T dL/dz^ without the positives' part. */
void clr_loss_gradient(clr_loss *loss, float *dz);

#endif
