/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_FROZEN_H
#define CLR_FROZEN_H
/* A trained network out of a checkpoint alone: its architecture from the config text in the file, its weights, in
   inference mode. */

#include "clr/ckpt.h"
#include "clr/config.h"
#include "clr/encoder.h"

typedef struct clr_frozen {
    char *path, *run; /* the checkpoint; the run directory that it lies in, or NULL */
    clr_ckpt_facts facts;
    clr_config config; /* its texts belong to options */
    clr_opt_set options;
    int channels; /* of the images it was trained on */
    clr_planner *planner;
    clr_params params;
    clr_encoder *encoder;
} clr_frozen;

/* Collective. where: a checkpoint, a run directory, or a folder of checkpoints (then its newest good one). views:
   the most that one call will encode. The status is agreed upon. Closed by clr_frozen_close, also after a failure. */
clr_status clr_frozen_open(clr_comm *comm, const char *where, int views, clr_frozen *frozen);
void clr_frozen_close(clr_frozen *frozen);

/* Local. The weights that the run began with, drawn again from its seed. */
void clr_frozen_untrain(clr_frozen *frozen);

#endif
