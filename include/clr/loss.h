#ifndef CLR_LOSS_H
#define CLR_LOSS_H
/* Contrastive losses over the global batch: objectives whose value and gradient come in one call. A family: one file a member,
   the words in CLR_LOSSES; SimCLR's table 2. Protocol 1.6: z of all ranks is gathered, then the log-sum-exps; every rank computes the
   gradient of its own rows completely (rows' and columns' part), so nothing is reduced; similarities exist only as tiles. */

#include "clr/comm.h"
#include "clr/objective.h"
#include "clr/tensor.h"

#include <stdbool.h>

typedef struct clr_loss_config {
    int kind; /* the word's place in CLR_LOSS_WORDS */
    double temperature;
    bool l2norm;    /* rows of z are scaled to unit length first; part of value and gradient */
    bool one_view;  /* negatives from the other view only */
    bool semi_hard; /* mining */
    double margin;  /* triplet */
} clr_loss_config;

/* The losses, with `separator` between each two. A new one: a word here, and src/objective/WORD.c. */
#define CLR_LOSSES(X, separator)      \
    X(ntxent) separator X(ntlogistic) \
    separator X(triplet)
#define CLR_LOSS_WORD(name) #name
#define CLR_LOSS_WORDS CLR_LOSSES(CLR_LOSS_WORD, "|")

/* Collective. images: the global batch G; rank r holds images clr_share(G, ranks, r) .. ; dim: D. G = 1 is CLR_EUSAGE (no negatives). */
clr_status clr_loss_new(clr_comm *comm, const clr_loss_config *config, int64_t images, int dim, clr_objective **loss);
int64_t clr_loss_bytes(int64_t images, int64_t mine, int dim); /* memory that it takes */

/* Applied (clr_objective_apply, whole): x is z (2B, D) of this rank, view-major, not normalised; dx the gradient of the global
   mean, must not overlap z. */

/* ln(2G - 1) for ntxent: what a network that knows nothing gets. NaN for losses that have no such number. */
double clr_loss_chance(const clr_loss_config *config, int64_t images);

#endif
