/* SPDX-License-Identifier: BSD-3-Clause */
/* How long to train, and in batches of how many images: checks and proposals that all tasks share. */
#include "shared.h"

clr_status clr_task_check_length(const clr_opt_set *options, int64_t steps, double epochs)
{
    if (clr_opt_given(options, "steps") == CLR_OPT_LINE && steps && clr_opt_given(options, "epochs") == CLR_OPT_LINE)
        return clr_fail(CLR_EUSAGE, "--steps=%lld and --epochs=%g both say how long to train; leave one out",
                        (long long)steps, epochs);
    if (steps == 0 && epochs <= 0)
        return clr_fail(CLR_EUSAGE, "--epochs=0: nothing to train; give --epochs or --steps");
    return CLR_OK;
}

int64_t clr_task_fitting_batch(int64_t images, int64_t most)
{
    int64_t batch = 2;

    while (2 * batch <= most && 8 * batch <= images)
        batch *= 2;
    return batch;
}
