/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LOSS_OPS_H
#define CLR_LOSS_OPS_H
/* The contrastive losses, one file each. A member says what one anchor's loss is in terms of its similarities s
   (divided by the temperature, where it has one):

     accumulate  adds n of the anchor's negatives to its sums a and b;
     finish      turns the sums into the anchor's loss, dl/ds of its positive, and two numbers p and q. Every rank
                 gets p and q of every anchor of the global batch;
     gradient    w[j] += dl/ds[j] for n of the anchor's negatives, from p, q and the similarity of its positive.

   Where a row is no negative of the anchor, s = CLR_MASKED, for which accumulate and gradient must add nothing. */
#include "clr/loss.h"

#define CLR_MASKED (-1e30f)

typedef struct clr_loss_anchor {
    double a, b; /* sums */
    double loss, entropy;
    float positive; /* its similarity */
    /* A negative above high is more similar than the positive, one from low to high is as similar, up to rounding. */
    float high, low;
    float shift;     /* at least every similarity that is summed: keeps exp in range */
    float negatives; /* how many there are */
    float weight, p, q;
} clr_loss_anchor;

typedef struct clr_loss_op {
    void (*accumulate)(const clr_loss_config *config, const float *s, int n, clr_loss_anchor *anchor);
    void (*finish)(const clr_loss_config *config, clr_loss_anchor *anchor);
    void (*gradient)(const clr_loss_config *config, const float *s, int n, float positive, float p, float q, float *w);
    bool temperature; /* similarities are divided by it */
    bool positive;    /* the sum of exp counts the positive too, so that the shift must cover it */
    bool softmax;     /* dl/ds_j = exp(s_j - p) for every negative: both sides of a pair then follow from one exp */
    /* The loss of a network that has learned nothing, for a global batch of images; NULL: there is no such number. */
    double (*chance)(const clr_loss_config *config, int64_t images);
} clr_loss_op;

/* The places of some anchors' positives among their candidates. */
typedef struct clr_loss_places {
    const float *high, *low;
    int32_t *above, *least; /* negatives above high; at low or above */
} clr_loss_places;

/* Tiles of softmax losses that serve their rows and their columns (one rank, bounded similarities). s (rows,
   columns), ld apart. */
typedef struct clr_loss_symmetric {
    /* e = exp(s - shift): sums of e and e s by row into ra, rb, by column into ca, cb (ca NULL: rows alone), and
       places, added to. */
    void (*accumulate)(const float *s, int rows, int columns, int64_t ld, float shift, double *ra, double *rb,
                       const clr_loss_places *row, float *ca, float *cb, const clr_loss_places *column);
    /* s becomes e (row_factor + column_factor). */
    void (*gradient)(float *s, int rows, int columns, int64_t ld, float shift, const float *row_factor,
                     const float *column_factor);
    /* The place of one anchor among n negatives, added to *above and *least; their sum without what is masked, to
       *sum. */
    void (*place)(const float *s, int n, float high, float low, int32_t *above, int32_t *least, double *sum);
} clr_loss_symmetric;

#endif
