/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of optimizer and learning rate, with the paper's values. */
#include "clr/optim.h"

#define M CLR_OPT_IDENTITY

#define AT(field) offsetof(clr_optim_config, field)
const clr_opt clr_optim_options[] = {
    {"optimizer", CLR_OPT_WORD, AT(kind), "lars", CLR_OPTIMIZERS(CLR_OPTIM_WORD, "|"), 0, 0, NULL, M, "update rule"},
    {"weight-decay", CLR_OPT_REAL, AT(weight_decay), "1e-6", "X", 0, 10, NULL, M, "not on batch norm and biases"},
    {"momentum", CLR_OPT_REAL, AT(momentum), "0.9", "X", 0, 0.9999, NULL, M,
     "of lars, sgd and nesterov; the first of adamw's two"},
    {0}};
#undef AT

#define AT(field) offsetof(clr_schedule_config, field)
const clr_opt clr_schedule_options[] = {
    {"lr", CLR_OPT_REAL, AT(base), "0.3", "X", 0, 1e4, NULL, M, "learning rate, before scaling with the batch"},
    {"lr-scaling", CLR_OPT_WORD, AT(scaling), "linear", "linear|sqrt|none", 0, 0, NULL, M,
     "times batch / 256, times sqrt(batch), or as it is"},
    {"warmup-epochs", CLR_OPT_REAL, AT(warmup_epochs), "10", "X", 0, 1e6, NULL, M,
     "the learning rate grows from 0 for so long"},
    {"schedule", CLR_OPT_PARSED, AT(shape), "cosine", "cosine|constant|constant+decay", 0, 0, NULL, M,
     "of the learning rate after the warm-up. cosine: falls to 0. constant: stays. constant+decay: stays, and falls in "
     "a "
     "line to 0 over the last fifth (constant+decay:0.1: the last tenth). cosine:STEP: a warm-up and a cosine begin "
     "anew at that step",
     clr_schedule_parse},
    {0}};
