/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of contrastive losses. */
#include "clr/loss.h"

#define AT(field) offsetof(clr_loss_config, field)
#define M CLR_OPT_IDENTITY

const clr_opt clr_loss_options[] = {
    {"loss", CLR_OPT_WORD, AT(kind), "ntxent", CLR_LOSS_WORDS, 0, 0, NULL, M, "contrastive loss"},
    {"temperature", CLR_OPT_REAL, AT(temperature), "0.1", "T", 1e-3, 1e4, "loss=" CLR_LOSS_WITH_TEMPERATURE, M,
     "similarities are divided by it"},
    {"l2norm", CLR_OPT_FLAG, AT(l2norm), "yes", NULL, 0, 0, NULL, M, "embeddings are scaled to unit length"},
    {"negatives", CLR_OPT_WORD, AT(negatives), "two-view", "two-view|one-view", 0, 0, NULL, M,
     "negatives from both views, or from the other view only"},
    {"mining", CLR_OPT_WORD, AT(mining), "none", "none|semi-hard", 0, 0, "loss=" CLR_LOSS_WITH_MINING, M,
     "which negatives count"},
    {"margin", CLR_OPT_REAL, AT(margin), "0.8", "M", 0, 4, "loss=triplet", M, "margin of the triplet loss"},
    {0}};
