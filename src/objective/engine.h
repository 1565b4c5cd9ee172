/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LOSS_ENGINE_H
#define CLR_LOSS_ENGINE_H
/* Shared by contrastive.c (what every loss does around its similarities) and pairs.c (sums and gradients over pairs,
   in tiles). */
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
    bool triangle;               /* tiles of the upper triangle alone, see pairs.c */
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

/* pairs.c. Local. From gathered rows and begun anchors: the sums of every anchor of this rank, and its positive's
   place. */
void clr_loss_accumulate(clr_loss *loss);
/* pairs.c. Local. From finished anchors of all ranks: dz (2B, D) = 2G T dL/dz^ without the positives' part. */
void clr_loss_gradient(clr_loss *loss, float *dz);

#endif
