/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of every run. */
#include "clr/log.h"
#include "clr/run.h"
#include "sink.h"
#include "watch.h"

#include <stdlib.h>

/* "500", "600s", "1e", "1e,600s". */
static clr_status parse_intervals(const char *text, void *field)
{
    clr_intervals *every = field;

    *every = (clr_intervals){0};
    for (const char *at = text;; at++) {
        char *end;
        double number = strtod(at, &end);
        char unit = end == at ? '?' : *end == 's' || *end == 'e' ? *end++ : 0;
        if (unit == '?' || !(number > 0 && number < 1e15) || (*end && *end != ','))
            return clr_fail(
                CLR_EUSAGE,
                "--checkpoint-every=%s: must be steps (500), seconds (600s) or epochs (1e), or several such as 1e,600s",
                text);
        if (unit == 's')
            every->seconds = number;
        else if (unit == 'e')
            every->epochs = number;
        else
            every->steps = number < 1 ? 1 : (int64_t)(number + 0.5);
        if (!*end)
            return CLR_OK;
        at = end;
    }
}

static clr_status parse_limit(const char *text, void *field)
{
    clr_time_limit *limit = field;

    *limit = (clr_time_limit){0};
    if (!text || !*text)
        return CLR_OK;
    *limit = (clr_time_limit){clr_watch_seconds(text), text};
    if (limit->seconds > 0)
        return CLR_OK;
    return clr_fail(CLR_EUSAGE,
                    "--time-limit=%s: must be seconds, M:SS, H:MM:SS, D-H or D-H:MM:SS, with less than 60 minutes and "
                    "seconds and 24 hours behind another number, and more than nothing",
                    text);
}

#define AT(field) offsetof(clr_run_config, field)
const clr_opt clr_run_options[] = {
    {"run-dir", CLR_OPT_TEXT, AT(run_dir), NULL, "DIR", 0, 0, NULL, 0,
     "the run: config, metrics, checkpoints; the same command goes on there"},
    {"allow-change", CLR_OPT_TEXT, AT(allow_change), NULL, "NAME,...", 0, 0, NULL, 0,
     "options that may differ from those the run was begun with"},
    {"checkpoint-every", CLR_OPT_PARSED, AT(checkpoint_every), "1e,600s", "N|Ns|Ne,...", 0, 0, NULL, 0,
     "steps, seconds (600s), epochs (1e); of several, each counts", parse_intervals},
    {"keep", CLR_OPT_LONG, AT(keep), "3", "N", 2, 1e6, NULL, 0, "newest checkpoints that stay"},
    {"time-limit", CLR_OPT_PARSED, AT(time_limit), NULL, "SECONDS|[D-]H:MM:SS", 0, 0, NULL, 0,
     "stop in time for it, with a checkpoint; default: Slurm's end of the job", parse_limit},
    {"log-every", CLR_OPT_LONG, AT(log_every), "50", "STEPS", 1, 1e6, NULL, 0,
     "between lines of progress where stderr is no terminal; a minute at most"},
    {"log-format", CLR_OPT_PARSED, AT(log_format), "tsv", "tsv,jsonl,tensorboard", 0, 0, NULL, 0,
     "beside metrics.tsv, which is always written: metrics.jsonl, event files for TensorBoard", clr_sink_parse},
    {"dry-run", CLR_OPT_FLAG, AT(dry_run), "no", NULL, 0, 0, NULL, 0,
     "check all settings, time a few steps and say what the run will need; write nothing"},
    {0}};
