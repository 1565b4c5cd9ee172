#ifndef CLR_LOSS_H
#define CLR_LOSS_H
/* Contrastive losses over the global batch: value and gradient in one call. A family: one file a member, the words in
   src/loss/ops.h; SimCLR's table 2. Protocol 1.6: z of all ranks is gathered, then the log-sum-exps; every rank computes the
   gradient of its own rows completely (rows' and columns' part), so nothing is reduced; similarities exist only as tiles. */

#include "clr/comm.h"
#include "clr/err.h"
#include "clr/tensor.h"

#include <stdbool.h>

typedef struct clr_loss clr_loss;

typedef struct clr_loss_config {
    int kind;             /* the word's place in CLR_LOSS_WORDS */
    double temperature;
    bool l2norm;          /* rows of z are scaled to unit length first; part of value and gradient */
    bool one_view;        /* negatives from the other view only */
    bool semi_hard;       /* mining */
    double margin;        /* triplet */
} clr_loss_config;

#define CLR_LOSS_WORDS "ntxent|ntlogistic|triplet"

typedef struct clr_loss_result {
    double loss;              /* mean over all 2G anchors, nats: the paper's 1/(2N) */
    double top1, top5;        /* share of anchors whose positive is the most, or among the five most, similar of 2G - 1 */
    double entropy;           /* mean of the softmax' entropy over an anchor's candidates, nats */
    double positive, negative; /* mean cosine (or dot product) of positive pairs; of the others */
    double gather_seconds;
} clr_loss_result;

/* Collective. images: the global batch G; rank r holds images clr_share(G, ranks, r) .. ; dim: D. G = 1 is CLR_EUSAGE (no negatives). */
clr_status clr_loss_new(clr_comm *comm, const clr_loss_config *config, int64_t images, int dim, clr_loss **loss);
void clr_loss_free(clr_loss *loss); /* accepts NULL */
int64_t clr_loss_bytes(int64_t images, int64_t mine, int dim); /* memory that it takes */

/* Collective. z: (2B, D) of this rank, view-major, not normalised. dz: the same, overwritten: gradient of the global mean
   with respect to z; must not overlap z. NaN or Inf in z is CLR_ENUMERIC (not agreed upon). */
clr_status clr_loss_apply(clr_loss *loss, const float *z, float *dz, clr_loss_result *result);

/* ln(2G - 1) for ntxent: what a network that knows nothing gets. NaN for losses that have no such number. */
double clr_loss_chance(const clr_loss_config *config, int64_t images);

#endif
