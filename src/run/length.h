/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LENGTH_H
#define CLR_LENGTH_H
/* How long a run is, and with which learning rates, from texts of DIR/config (clr_folder_text). All local. */
#include "clr/opt.h"

#include <stdint.h>

/* Whether a run with the text `earlier` that has made `done` steps may go on with the length and the schedule of
   `now`: it is no shorter than that, and these steps keep their learning rates. */
bool clr_run_lengthens(const char *earlier, const char *now, int64_t done);

/* The learning rates of a step by both texts. false: one of them is not to be read. */
bool clr_run_rates(const char *earlier, const char *now, int64_t step, double rate[2]);

/* The step of the newest checkpoint as DIR/checkpoints/latest names it; -1 where it does not. */
int64_t clr_run_saved(const char *folder);

/* Where the run of the text `earlier`, with a cosine, has made all its steps, `done`, and the user gives more --epochs
   or --steps and no --schedule: the schedule with which it goes on ("cosine:DONE"), freed by clr_free. Else NULL. */
char *clr_run_appended(const char *earlier, const clr_opt_set *set, int64_t done);

#endif
