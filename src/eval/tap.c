/* SPDX-License-Identifier: BSD-3-Clause */
/* Where features are taken. The layers of a nonlinear head but the last end with a ReLU and are as wide as h. */
#include "clr/pretrained.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 7 }; /* layers that have a name */

clr_status clr_tap_parse(const char *option, const char *text, bool z, int *tap)
{
    *tap = !strcmp(text, "z") ? CLR_TAP_Z : CLR_TAP_H;
    if (!strcmp(text, "h") || (z && *tap == CLR_TAP_Z))
        return CLR_OK;
    if (strlen(text) == 5 && !strncmp(text, "head", 4) && text[4] >= '1' && text[4] <= '0' + MOST) {
        *tap = text[4] - '0';
        return CLR_OK;
    }
    return clr_fail(CLR_EUSAGE, "--%s=%s: must be h, %sor a layer of the projection head: head1, head2, ...", option,
                    text, z ? "z, " : "");
}

const char *clr_tap_name(int tap, char text[CLR_TAP_NAME])
{
    if (tap == CLR_TAP_H || tap == CLR_TAP_Z)
        return tap == CLR_TAP_H ? "h" : "z";
    snprintf(text, CLR_TAP_NAME, "head%d", tap);
    return text;
}

static clr_status check(int tap, const clr_encoder_config *config)
{
    int layers = config->head == CLR_HEAD_NONE ? 0 : config->head == CLR_HEAD_LINEAR ? 1 : config->head_layers;

    if (tap == CLR_TAP_H || tap == CLR_TAP_Z || tap <= layers)
        return CLR_OK;
    return clr_fail(CLR_EUSAGE,
                    "--features=head%d: the projection head of this checkpoint has %d layer%s; there are h%s and z",
                    tap, layers, layers == 1 ? "" : "s",
                    layers > 2    ? ", head1, ..."
                    : layers == 2 ? ", head1"
                                  : "");
}

clr_status clr_pretrained_open_at(clr_comm *comm, const char *where, int views, int tap, clr_pretrained *f)
{
    clr_status st = clr_pretrained_open(comm, where, views, f);

    if (st == CLR_OK)
        st = clr_comm_agree(comm, check(tap, &f->config.encoder));
    if (st == CLR_OK && tap > 0)
        clr_encoder_tap(f->encoder, tap);
    return st;
}
