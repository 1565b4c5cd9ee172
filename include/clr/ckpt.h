/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CKPT_H
#define CLR_CKPT_H
/* Checkpoints: RUN/checkpoints/step-%08d.h5, one HDF5 file each, torchvision's names and shapes, nothing shaped by
   the number of ranks (see INTERFACE). Written whole or not at all; `latest` is a text file with the newest one's name.
   NaN and infinities are never written, and never taken: CLR_ENUMERIC, which names the tensor. CLR_EIO: the system
   refused to read, after some seconds of trying (see h5.h); CLR_EINPUT: the file is damaged, or another. */

#include "clr/comm.h"
#include "clr/err.h"
#include "clr/state.h"

typedef struct clr_ckpt_meta {
    int64_t step; /* updates done */
    double epoch;
    uint64_t seed;
    char *config; /* the run's resolved config; this and what follows is freed by clr_ckpt_meta_free */
    char *version;
    char *plan;   /* clr_planner_text's; NULL: none, as in files of before */
    char *layout; /* what else the bits depend on: ranks, nodes, threads, kernels, for people; NULL: not known */
} clr_ckpt_meta;

void clr_ckpt_meta_free(clr_ckpt_meta *meta); /* accepts a zeroed one */

/* Local. Writes path from a state that is finite (clr_state_check). scratch: state->largest floats. */
clr_status clr_ckpt_write(const char *path, const clr_ckpt_meta *meta, const clr_state *state, float *scratch);

/* Local. Attributes and the plan alone. */
clr_status clr_ckpt_read_meta(const char *path, clr_ckpt_meta *meta);

/* Local. Every checksum is verified before anything is changed; then all tensors of state are filled. Names or
   shapes that do not fit are CLR_EINPUT, named. */
clr_status clr_ckpt_read(const char *path, clr_state *state);

/* Local. The newest good checkpoint of a folder: *path is freed by clr_free, NULL where there is none. Damaged ones,
   and those that hold NaN or infinities, are passed over with a warning that says why; where none is left and updates
   would be lost, that is CLR_EINPUT. One that cannot be read is no damaged one: CLR_EIO. */
clr_status clr_ckpt_newest(const char *folder, char **path);
/* Local. Whether a folder has checkpoints, good or bad, or cannot be looked into. */
bool clr_ckpt_any(const char *folder);
/* Local; whoever holds the folder, and goes on from this step. Checkpoints of later steps were passed over: they
   become NAME.bad, so that they neither count among those that are kept nor come back; and `latest` names this one. */
clr_status clr_ckpt_set_aside(const char *folder, int64_t step);

/* Saving behind the training. Rank 0 owns one of these; other ranks' are NULL, which every function accepts. begin
   copies params and slots (bounded memory, one snapshot), a thread of its own writes, renames, moves `latest` and
   deletes all but the newest `keep` (0: keeps all). Local. open makes the folder where it is missing and removes what
   dead writers left in it: the caller holds the run directory. */
typedef struct clr_saver clr_saver;
clr_status clr_saver_open(const char *folder, int keep, clr_params *params, clr_optim *optim, clr_saver **saver);
/* Waits for an earlier save, then starts the next, whatever the outcome of the earlier one, which is returned (once,
   here or by wait): a failed save leaves the old files. CLR_ENUMERIC: params or slots are not finite, and nothing was
   begun. */
clr_status clr_saver_begin(clr_saver *saver, const clr_ckpt_meta *meta);
/* Waits until nothing is in flight; outcome of the last save. */
clr_status clr_saver_wait(clr_saver *saver);
double clr_saver_seconds(clr_saver *saver); /* the slowest save so far */
int64_t clr_saver_saved(clr_saver *saver);  /* the step of the last save that succeeded so far, -1: none */
void clr_saver_close(clr_saver *saver);     /* waits; accepts NULL */

#endif
