/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CKPT_FILES_H
#define CLR_CKPT_FILES_H
/* The files of a folder of checkpoints, for those who write and read them. Local. */
#include "clr/ckpt.h"

#include <dirent.h>

/* The step in a name such as step-00000100.h5, -1 for other names. */
int64_t clr_ckpt_step_of(const char *name);

/* scandir of the checkpoints in a folder, newest first; freed as scandir's. -1 with errno where it cannot be listed. */
int clr_ckpt_scan(const char *folder, struct dirent ***entry);

/* FOLDER/latest, whole or as it was: name. */
clr_status clr_ckpt_put_latest(const char *folder, const char *name);

/* Deletes all checkpoints up to step but the newest `keep`. Later ones do not belong to this run: a resume has set
   them aside. CLR_EIO where one cannot be deleted; the others are deleted all the same. */
clr_status clr_ckpt_prune(const char *folder, int keep, int64_t step);

/* Verifies that a file is a whole checkpoint of the step in its name, finite throughout. CLR_EINPUT, CLR_ENUMERIC:
   it is useless. Other errors: it could not be examined. */
clr_status clr_ckpt_check(const char *path);

#endif
