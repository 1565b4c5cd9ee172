/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts with a meaning of their own, one a line: augmentations, intervals of checkpoints, time limits, names of
   options, plans. */
#include "fuzz.h"

#include "../../src/run/watch.h"
#include "clr/augment.h"
#include "clr/conv.h"
#include "clr/run.h"

#include <stdlib.h>
#include <string.h>

static void one(const char *text)
{
    clr_run_config config = {0};
    clr_augment augment;
    clr_planner *planner;

    if (clr_augment_parse(text, &augment) == CLR_OK) {
        FUZZ_CHECK(augment.steps >= 0 && augment.steps <= CLR_AUGMENT_MOST);
        fuzz_accept();
    }
    for (const clr_opt *row = clr_run_options; row->name; row++)
        if (row->kind == CLR_OPT_PARSED && row->parse(text, (char *)&config + row->offset) == CLR_OK)
            fuzz_accept();
    const clr_intervals *every = &config.checkpoint_every;
    FUZZ_CHECK(every->steps >= 0 && every->epochs >= 0 && every->seconds >= 0);
    double seconds = clr_watch_seconds(text);
    FUZZ_CHECK(seconds >= 0 || seconds == -1);
    if (seconds >= 0 || clr_opt_listed("lr", text))
        fuzz_accept();
    if (clr_planner_open(NULL, text, NULL, &planner) == CLR_OK) {
        clr_planner_close(planner);
        fuzz_accept();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);

    fuzz_begin(size);
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        one(line);
    }
    free(text);
    return 0;
}

void fuzz_seeds(void)
{
    fuzz_seed_text("crop:0.08-1,flip:0.5,color:1.0,gray:0.2,blur:0.5\ncutout:0.25,rotate,noise:0.1,sobel:0.5\ncolor:0."
                   "5:multiplicative\nnone");
    fuzz_seed_text("1e,600s,50\n500\n0.5e\n1e3");
    fuzz_seed_text("3600\n01:00:00\n1-2\n2-03:30\n2-03:30:15\n1:60");
    fuzz_seed_text("lr,epochs,batch\n,lr,\nlr");
    fuzz_seed_text("estimate\nmeasure\nestimate:winograd4,reference\nmeasure:-winograd4,-winograd2");
}
