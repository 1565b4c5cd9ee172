/* SPDX-License-Identifier: BSD-3-Clause */
/* The settings of a run that is continued come from its directory: --run-dir alone is enough. */
#include "clr/ckpt.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/plain.h"
#include "clr/run.h"
#include "length.h"

#include <inttypes.h>
#include <string.h>

enum { CONFIG = 1 << 20 }; /* bytes */

/* Rank 0: DIR/config of a run that has checkpoints; *text is NULL where there is none. */
static clr_status read_config(const char *folder, char **text)
{
    char *path = clr_text("%s/config", folder), *checkpoints = clr_text("%s/checkpoints", folder);
    clr_status st = clr_ckpt_any(checkpoints) ? clr_plain_read(path, CONFIG, text) : CLR_OK;

    clr_free(checkpoints);
    clr_free(path);
    return st;
}

/* The same on all ranks. */
static void share(clr_comm *comm, char **text)
{
    int64_t bytes = *text ? (int64_t)strlen(*text) + 1 : 0;

    clr_comm_broadcast(comm, &bytes, sizeof bytes, 0);
    if (bytes && clr_comm_rank(comm))
        *text = clr_alloc((size_t)bytes, 1);
    if (bytes)
        clr_comm_broadcast(comm, *text, bytes, 0);
}

/* The user asked for another preset than the run's: the settings of the new one are kept, so that the comparison
   shows the differences. */
static bool of_another_preset(const clr_opt_set *set, const char *text)
{
    const char *wanted = clr_opt_value(set, "preset"), *line = strstr(text, "\npreset = ");

    if (clr_opt_given(set, "preset") < CLR_OPT_FILE || !wanted)
        return false;
    line = line ? line + strlen("\npreset = ") : "";
    return strlen(wanted) != strcspn(line, "\n") || strncmp(line, wanted, strlen(wanted));
}

/* A run that has made all its steps, and is given more, goes on behind the end of its cosine. */
static clr_status append(clr_comm *comm, clr_opt_set *set, const char *folder, const char *earlier)
{
    int64_t done = clr_comm_rank(comm) ? -1 : clr_run_saved(folder);

    clr_comm_broadcast(comm, &done, sizeof done, 0);
    /* Whoever allows the length to change wants one curve over all of it. */
    const char *allowed = clr_opt_value(set, "allow-change");
    bool free = clr_opt_listed("epochs", allowed) || clr_opt_listed("steps", allowed);
    char *schedule = done > 0 && !free ? clr_run_appended(earlier, set, done) : NULL;
    if (!schedule)
        return CLR_OK;
    clr_info("%s has made its %" PRId64 " steps: it goes on with --schedule=%s, from there on a warm-up and a cosine "
             "anew, as a run would that had been begun with these settings",
             folder, done, schedule);
    char *line = clr_text("schedule = %s\n", schedule);
    clr_status st = clr_opt_read_text(set, line, folder, CLR_OPT_RUN);
    clr_free(line);
    clr_free(schedule);
    return st;
}

clr_status clr_run_inherit(clr_comm *comm, clr_opt_set *set)
{
    const char *folder = clr_opt_value(set, "run-dir");
    char *text = NULL, *origin;

    if (!folder || !*folder)
        return CLR_OK;
    clr_status st = clr_comm_agree(comm, clr_comm_rank(comm) ? CLR_OK : read_config(folder, &text));
    if (st != CLR_OK)
        return st;
    share(comm, &text);
    origin = clr_text("%s/config", folder);
    if (text)
        st = clr_opt_read_run(set, text, origin, !of_another_preset(set, text), "data,test,preset");
    if (text && st == CLR_OK)
        st = append(comm, set, folder, text);
    clr_free(origin);
    clr_free(text);
    return clr_comm_agree(comm, st);
}
