/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of the network. */
#include "clr/encoder.h"

#include <stdio.h>
#include <string.h>

#define ARCHS "resnet18|resnet34|resnet50|resnet101|resnet152"

static clr_status parse_arch(const char *text, void *field)
{
    int depth = 0;

    if (strchr(text, '|') || !strstr("|" ARCHS "|", text) || sscanf(text, "resnet%d", &depth) != 1)
        return clr_fail(CLR_EUSAGE, "--arch=%s: must be " ARCHS, text);
    *(int *)field = depth;
    return CLR_OK;
}

#define AT(field) offsetof(clr_encoder_config, field)
#define M CLR_OPT_IDENTITY

const clr_opt clr_encoder_options[] = {
    {"arch", CLR_OPT_PARSED, AT(depth), "resnet50", ARCHS, 0, 0, NULL, M, "encoder", parse_arch},
    {"width", CLR_OPT_REAL, AT(width), "1", "X", 0.015625, 16, NULL, M,
     "channels times this; fractions such as 1/4 are welcome"},
    {"stem", CLR_OPT_WORD, AT(stem), "imagenet", "imagenet|cifar", 0, 0, NULL, M,
     "7x7 stride 2 and max-pool, or 3x3 stride 1 for small images"},
    {"bn", CLR_OPT_WORD, AT(bn), "global", "global|local", 0, 0, NULL, M,
     "batch norm over all ranks, or each rank's own"},
    {"recompute", CLR_OPT_FLAG, AT(recompute), "no", NULL, 0, 0, NULL, 0,
     "keep only the inputs of blocks: less memory, more time, the same numbers"},
    {0}};

const clr_opt clr_head_options[] = {
    {"head", CLR_OPT_WORD, AT(head), "nonlinear", "none|linear|nonlinear", 0, 0, NULL, M, "projection head"},
    {"head-layers", CLR_OPT_INT, AT(head_layers), "2", "N", 1, 8, "head=nonlinear", M, "linear layers of the head"},
    {"head-dim", CLR_OPT_INT, AT(head_dim), "128", "D", 1, 4096, "head=linear|nonlinear", M, "length of an embedding"},
    {0}};

clr_status clr_head_check(const clr_encoder_config *config)
{
    if (config->head == CLR_HEAD_NONLINEAR && config->head_layers < 2)
        return clr_fail(CLR_EUSAGE, "--head-layers=1: a nonlinear head has two layers or more; --head=linear has one");
    return CLR_OK;
}
