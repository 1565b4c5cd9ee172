/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PRETRAINED_H
#define CLR_PRETRAINED_H
/* A trained network out of a checkpoint alone: its architecture from the config text in the file, its weights, in
   inference mode. */

#include "clr/ckpt.h"
#include "clr/encoder.h"

/* What a run's config says of its network; the rest is passed over. */
typedef struct clr_pretrained_config {
    clr_encoder_config encoder; /* without channels, views, training */
    const char *plan, *augment; /* augment: the operators it learned from */
} clr_pretrained_config;

extern const clr_opt clr_checkpoint_option[]; /* --checkpoint, into a const char *, for clr_pretrained_open */

typedef struct clr_pretrained {
    char *path, *run; /* the checkpoint; the run directory that it lies in, or NULL */
    clr_ckpt_meta meta;
    clr_pretrained_config config; /* its texts belong to options */
    clr_opt_set options;
    int channels;    /* of the images it was trained on */
    int head_layers; /* linear layers of the head in the file */
    clr_planner *planner;
    clr_params params;
    clr_encoder *encoder;
} clr_pretrained;

/* Where features are taken: at h, behind layer 1, 2, ... of the projection head (and its ReLU), or at z. */
enum { CLR_TAP_H = 0, CLR_TAP_Z = -1 };
enum { CLR_TAP_NAME = 8 };
/* Local. "h", "head1", "head2", ..., and where z is allowed "z"; else CLR_EUSAGE that names the option. */
clr_status clr_tap_parse(const char *option, const char *text, bool z, int *tap);
const char *clr_tap_name(int tap, char text[CLR_TAP_NAME]);

/* Collective. where: a checkpoint, a run directory, or a folder of checkpoints (then its newest good one). views:
   the most that one call will encode. The status is agreed upon. Closed by clr_pretrained_close, also after a
   failure. */
clr_status clr_pretrained_open(clr_comm *comm, const char *where, int views, clr_pretrained *pretrained);
/* The same, the encoder's z being the features at the tap (clr_encoder_tap; at h and z: z). CLR_EUSAGE where the head
   has no such layer. */
clr_status clr_pretrained_open_at(clr_comm *comm, const char *where, int views, int tap, clr_pretrained *pretrained);
void clr_pretrained_close(clr_pretrained *pretrained);

/* Collective. The same without network and weights: path, meta, config and channels alone. Closed likewise. */
clr_status clr_pretrained_describe(clr_comm *comm, const char *where, clr_pretrained *pretrained);

/* Local. The weights that the run began with, drawn again from its seed. */
void clr_pretrained_reset(clr_pretrained *pretrained);

#endif
