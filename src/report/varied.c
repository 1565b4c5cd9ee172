/* SPDX-License-Identifier: BSD-3-Clause */
#include "varied.h"

#include "clr/mem.h"

#include <math.h>
#include <string.h>

const char *clr_varied_setting(const clr_report *report, int run, const char *name)
{
    const char *text = clr_settings_text(&report->run[run].settings, name);
    return text ? text : "";
}

/* Whether an option can be what a study varies: it shapes the outcome, and follows from no other. */
static bool matters(const char *name)
{
    static const char *const not [] = {"run-dir",    "seed",      "data",  "test",       "threads",
                                       "watchdog",   "log-every", "keep",  "time-limit", "checkpoint-every",
                                       "log-format", "preset",    "budget"};

    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        if (!strcmp(name, not [i]))
            return false;
    return true;
}

int clr_varied_values(const clr_report *report, const char *name, bool *number)
{
    int n = 0;

    *number = true;
    for (int r = 0; r < report->runs; r++) {
        bool seen = !*clr_varied_setting(report, r, name) || !isfinite(report->run[r].accuracy);
        if (seen)
            continue;
        *number = *number && isfinite(clr_settings_number(&report->run[r].settings, name));
        for (int before = 0; before < r && !seen; before++)
            seen = !strcmp(clr_varied_setting(report, before, name), clr_varied_setting(report, r, name)) &&
                   isfinite(report->run[before].accuracy);
        n += !seen;
    }
    return n;
}

const char **clr_varied_names(const clr_report *report, int *n)
{
    const char **names = NULL;
    bool number;

    *n = 0;
    for (int r = 0; r < report->runs; r++) {
        const clr_settings *s = &report->run[r].settings;
        const char **more = CLR_NEW(const char *, *n + s->n + 1);
        if (*n)
            memcpy(more, names, (size_t)*n * sizeof *more);
        clr_free(names);
        names = more;
        for (int i = 0; i < s->n; i++) {
            bool known = !matters(s->name[i]);
            for (int before = 0; before < r && !known; before++)
                known = clr_settings_text(&report->run[before].settings, s->name[i]) != NULL;
            if (!known && clr_varied_values(report, s->name[i], &number) >= 2)
                names[(*n)++] = s->name[i];
        }
    }
    return names;
}

const char *clr_varied_one(const clr_report *report, const char *const *names, int n)
{
    const char *best = report->table.x;
    int most = 0;
    bool best_is_number = false, number;

    for (int i = 0; i < n && !report->table.x; i++) {
        int values = clr_varied_values(report, names[i], &number);
        if (!best || (number && !best_is_number) || (number == best_is_number && values > most)) {
            best = names[i];
            most = values;
            best_is_number = number;
        }
    }
    return best;
}
