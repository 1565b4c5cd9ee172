/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LOSS_H
#define CLR_LOSS_H
/* Contrastive losses over the global batch: objectives whose value and gradient come in one call. A family: one file
   a member, src/objective/WORD.c; SimCLR's table 2. Protocol 1.6: z of all ranks is gathered, then the anchors' sums;
   every rank computes the gradient of its own rows completely (rows' and columns' part), so nothing is reduced;
   similarities exist only as tiles. */

#include "clr/comm.h"
#include "clr/objective.h"
#include "clr/opt.h"
#include "clr/tensor.h"

#include <stdbool.h>

/* clang-format off */
#define CLR_LOSSES(X, separator) X(ntxent) separator X(ntlogistic) separator X(triplet) separator X(dcl)
#define CLR_LOSS_WITH_TEMPERATURE "ntxent|ntlogistic|dcl"
#define CLR_LOSS_WITH_MINING "ntlogistic|triplet"
/* clang-format on */

#define CLR_LOSS_WORD(name) #name
#define CLR_LOSS_WORDS CLR_LOSSES(CLR_LOSS_WORD, "|")
#define CLR_LOSS_KIND(name) CLR_LOSS_##name,
typedef enum clr_loss_kind { CLR_LOSSES(CLR_LOSS_KIND, ) CLR_LOSS_KINDS } clr_loss_kind;

typedef enum clr_negatives { CLR_NEGATIVES_TWO_VIEW, CLR_NEGATIVES_ONE_VIEW } clr_negatives; /* one: the other view's */
typedef enum clr_mining { CLR_MINING_NONE, CLR_MINING_SEMI_HARD } clr_mining;

typedef struct clr_loss_config {
    clr_loss_kind kind;
    double temperature;
    bool l2norm; /* rows of z are scaled to unit length first; part of value and gradient */
    clr_negatives negatives;
    clr_mining mining;
    double margin; /* triplet */
} clr_loss_config;

extern const clr_opt clr_loss_options[]; /* into a clr_loss_config */

/* Collective. images: the global batch G; rank r holds images clr_share(G, ranks, r) and those behind it; dim: D. G
   = 1 is CLR_EUSAGE (no negatives). Applied (clr_objective_apply, whole): x is z (2B, D) of this rank, view-major, not
   normalised; dx is the gradient of the global mean and must not overlap z. */
clr_status clr_loss_new(clr_comm *comm, const clr_loss_config *config, int64_t images, int dim, clr_objective **loss);

/* Local. Bytes that it takes on a rank with `mine` images. */
int64_t clr_loss_bytes(int64_t images, int64_t mine, int dim);

/* Local. What a network that knows nothing gets, ln(2G - 1) for ntxent. NaN for losses that have no such number. */
double clr_loss_chance(const clr_loss_config *config, int64_t images);

#endif
