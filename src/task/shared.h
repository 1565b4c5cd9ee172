/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_TASK_SHARED_H
#define CLR_TASK_SHARED_H
/* Parts that several tasks share. */
#include "clr/conv.h"
#include "clr/loader.h"
#include "clr/task.h"

/* fetch.c. Collective; status agreed upon. The images of a step. Where some rank's cannot be read, all try again for
   some seconds, and no longer than until some rank asks for a stop. */
clr_status clr_task_fetch(const clr_task *task, clr_loader *loader, int64_t number, clr_batch *batch);

/* planner.c. Collective; status agreed upon. The planner that --plan=plan describes, with the checkpoint's choices, or
   where it is of a version that kept none there, those of the file at path. path may be NULL. */
clr_status clr_task_planner(const clr_task *task, const char *plan, const clr_ckpt_meta *meta, const char *path,
                            clr_planner **planner);

/* start.c. Collective; status agreed upon. Fills the network's entries of params (encoder/..., head/...) from a
   checkpoint or what import wrote; others stay. CLR_EUSAGE where an entry of the encoder is missing there or has
   another shape; of the head too where `head`, else such entries stay. */
clr_status clr_task_start(clr_comm *comm, const char *checkpoint, clr_params *to, bool head);

/* start.c. Collective; status agreed upon. --arch, --width, --stem, --image-size and --channels of a checkpoint, for
   options that were not given. Before clr_opt_finish. */
clr_status clr_task_architecture(clr_comm *comm, clr_opt_set *set, const char *checkpoint);

/* length.c. Local. CLR_EUSAGE where --steps and --epochs were both given, or neither leaves anything to train. Only the
   option set knows which were given. */
clr_status clr_task_check_length(const clr_opt_set *options, int64_t steps, double epochs);

/* length.c. Local. The largest power of two, from 2 to most, that leaves four steps an epoch. */
int64_t clr_task_fitting_batch(int64_t images, int64_t most);

#endif
