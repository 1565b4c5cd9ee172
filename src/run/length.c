/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a run is, and its learning rates, from the text of DIR/config. A run may be made longer, or given another
   schedule, where the steps that it has made keep their rates: it is then the run that was begun with the new
   settings. A cosine that has come to its end goes on behind it with a warm-up and a cosine anew. */
#include "length.h"

#include "clr/mem.h"
#include "clr/optim.h"
#include "clr/plain.h"
#include "clr/run.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct clr_length {
    double epochs;
    int64_t steps, batch;
    clr_schedule_config schedule;
} clr_length;

#define AT(field) offsetof(clr_length, field)
static const clr_opt own[] = {{"batch", CLR_OPT_LONG, AT(batch), "0", "N", 0, 0, NULL, 0, ""},
                              {"epochs", CLR_OPT_REAL, AT(epochs), "0", "X", 0, 0, NULL, 0, ""},
                              {"steps", CLR_OPT_LONG, AT(steps), "0", "N", 0, 0, NULL, CLR_OPT_OVERRIDDEN_BY, ""},
                              {0}};
static const clr_opt_part parts[] = {{own, 0, NULL}, {clr_schedule_options, AT(schedule), NULL}, {0}};

int64_t clr_run_steps(int64_t steps, double epochs, int64_t samples, int64_t batch)
{
    return steps ? steps : clr_max64(1, (int64_t)(epochs * (double)samples / (double)batch));
}

/* The schedule of a run with that text and, last, these lines. false: it is not to be read. */
static bool schedule_of(const char *text, const char *lines, clr_schedule *schedule)
{
    clr_length length = {0};
    clr_opt_set set;
    const char *data = strstr(text, "# dataset ");
    int64_t samples;

    clr_opt_open(&set, parts, &length);
    bool good = data && sscanf(data, "# dataset %*x %" SCNd64, &samples) == 1 && samples > 0 &&
                clr_opt_read_text(&set, text, "config", CLR_OPT_PRESET) == CLR_OK &&
                clr_opt_read_text(&set, lines, "config", CLR_OPT_RUN) == CLR_OK && clr_opt_finish(&set) == CLR_OK &&
                length.batch > 0;
    if (good)
        *schedule = clr_schedule_of(&length.schedule, length.batch, samples,
                                    clr_run_steps(length.steps, length.epochs, samples, length.batch));
    clr_opt_close(&set);
    return good;
}

bool clr_run_lengthens(const char *earlier, const char *now, int64_t done)
{
    clr_schedule a, b;

    return schedule_of(earlier, "", &a) && schedule_of(now, "", &b) && b.total >= done &&
           clr_schedule_same(&a, &b, done);
}

bool clr_run_rates(const char *earlier, const char *now, int64_t step, double rate[2])
{
    clr_schedule a, b;

    if (!schedule_of(earlier, "", &a) || !schedule_of(now, "", &b))
        return false;
    rate[0] = clr_schedule_at(&a, step);
    rate[1] = clr_schedule_at(&b, step);
    return true;
}

int64_t clr_run_saved(const char *folder)
{
    char *path = clr_text("%s/checkpoints/latest", folder), *text = NULL;
    int64_t step = -1;

    if (clr_plain_read(path, 256, &text) != CLR_OK || !text || sscanf(text, "step-%" SCNd64 ".h5", &step) != 1)
        step = -1;
    clr_free(text);
    clr_free(path);
    return step;
}

char *clr_run_appended(const char *earlier, const clr_opt_set *set, int64_t done)
{
    clr_schedule a, b;
    const char *schedule = clr_opt_value(set, "schedule");

    if (!schedule || clr_opt_given(set, "schedule") > CLR_OPT_RUN ||
        (clr_opt_given(set, "epochs") <= CLR_OPT_RUN && clr_opt_given(set, "steps") <= CLR_OPT_RUN))
        return NULL;
    bool by_steps = clr_opt_given(set, "steps") > CLR_OPT_RUN;
    char *lines =
        clr_text("%s = %s\n", by_steps ? "steps" : "epochs", clr_opt_value(set, by_steps ? "steps" : "epochs"));
    bool longer = schedule_of(earlier, "", &a) && schedule_of(earlier, lines, &b) && a.total == done &&
                  b.total > done && a.shape.kind == CLR_SCHEDULE_COSINE && a.shape.restarts < CLR_SCHEDULE_RESTARTS;
    clr_free(lines);
    return longer ? clr_text("%s%c%" PRId64, schedule, strchr(schedule, ':') ? ',' : ':', done) : NULL;
}
