/* SPDX-License-Identifier: BSD-3-Clause */
#include "clr/results.h"

#include "clr/mem.h"
#include "clr/plain.h"
#include "clr/run.h"
#include "settings.h"
#include "tsv.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CONFIG = 1 << 20 };

clr_status clr_result_is_run(const char *path, bool *is)
{
    struct stat attributes;
    char *config = clr_text("%s/config", path);
    int error = stat(config, &attributes) ? errno : 0;
    clr_status st = CLR_OK;

    *is = !error && S_ISREG(attributes.st_mode);
    if (error && error != ENOENT && error != ENOTDIR && error != EACCES)
        st = clr_fail(CLR_EIO, "%s: %s", config, strerror(error));
    clr_free(config);
    return st;
}

/* Notes why a file is not known. */
static void note(clr_result *r, clr_status st)
{
    if (st != CLR_OK && !r->trouble)
        r->trouble = clr_copy_text(clr_message());
}

static const char *last_part(const char *path)
{
    const char *name = path;

    for (const char *at = path; *at; at++)
        if (*at == '/' && at[1] && at[1] != '/')
            name = at + 1;
    return name;
}

static time_t changed(const char *path)
{
    struct stat attributes;

    return stat(path, &attributes) ? 0 : attributes.st_mtime;
}

/* From the options: as a task counts them (clr_task.steps). */
static double steps_of(const clr_settings *s)
{
    double steps = clr_settings_number(s, "steps"), epochs = clr_settings_number(s, "epochs"),
           batch = clr_settings_number(s, "batch");

    if (steps > 0)
        return steps;
    return epochs > 0 && batch > 0 && s->images > 0 ? fmax(1, floor(epochs * s->images / batch)) : NAN;
}

static clr_result_state state_of(const clr_result *r, clr_run_hold hold)
{
    if (hold == CLR_RUN_HELD)
        return CLR_RESULT_RUNNING;
    if (r->steps > 0 && r->step >= r->steps)
        return CLR_RESULT_DONE;
    return hold == CLR_RUN_LOST ? CLR_RESULT_DIED : r->step > 0 ? CLR_RESULT_STOPPED : CLR_RESULT_BEGUN;
}

static void read_numbers(clr_result *r)
{
    char *metrics = clr_text("%s/metrics.tsv", r->path), *probes = clr_text("%s/probe.tsv", r->path);
    char method[64];
    clr_tsv rows;
    time_t when = changed(metrics);

    clr_status st = clr_tsv_read(metrics, true, &rows);
    note(r, st);
    if (st == CLR_OK && rows.rows) {
        r->when = when;
        r->step = clr_tsv_number(&rows, -1, "step");
        r->epoch = clr_tsv_number(&rows, -1, "epoch");
        r->loss = clr_tsv_number(&rows, -1, "loss");
        r->probe = clr_tsv_has(&rows, "test_top1") ? clr_tsv_number(&rows, -1, "test_top1")
                                                   : 100 * clr_tsv_number(&rows, -1, "online_top1");
    }
    clr_tsv_free(&rows);
    st = clr_tsv_read(probes, false, &rows);
    note(r, st);
    int64_t row = rows.rows - 1;
    while (row >= 0 && strchr(clr_tsv_text(&rows, row, "method", method, sizeof method), ':')) /* of a transformation */
        row--;
    if (st == CLR_OK && row >= 0)
        r->probe = clr_tsv_number(&rows, row, "top1");
    clr_tsv_free(&rows);
    clr_free(metrics);
    clr_free(probes);
}

clr_result clr_result_of(const char *path)
{
    clr_result r = {.path = clr_copy_text(path), .epoch = NAN, .loss = NAN, .probe = NAN, .steps = NAN};
    char *name = clr_text("%s/config", path), *config = NULL;

    r.name = last_part(r.path);
    r.when = changed(name);
    read_numbers(&r);
    clr_status st = clr_plain_read(name, CONFIG, &config);
    note(&r, st);
    if (st == CLR_OK && config) {
        clr_settings settings = clr_settings_of(config);
        r.steps = steps_of(&settings);
        clr_settings_free(&settings);
        r.state = state_of(&r, clr_run_hold_of(path));
    } else {
        r.state = st == CLR_OK ? CLR_RESULT_NONE : CLR_RESULT_UNREADABLE;
    }
    clr_free(config);
    clr_free(name);
    return r;
}

void clr_result_free(clr_result *r)
{
    clr_free(r->path);
    clr_free(r->trouble);
    *r = (clr_result){0};
}

const char *clr_result_word(clr_result_state state)
{
    static const char *const words[] = {"done", "running", "stopped", "died", "begun", "unreadable", "missing"};

    return words[state];
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

clr_status clr_results_list(const char *folder, char ***paths, int *n)
{
    DIR *list = opendir(folder);
    struct dirent *d;
    int room = 0;

    *paths = NULL;
    *n = 0;
    if (!list)
        return clr_fail(CLR_EIO, "%s: cannot be listed: %s", folder, strerror(errno));
    clr_status st = CLR_OK;
    while (st == CLR_OK && (errno = 0, d = readdir(list))) {
        char *path = clr_text("%s/%s", folder, d->d_name);
        bool is = false;
        if (d->d_name[0] != '.')
            st = clr_result_is_run(path, &is);
        if (!is) {
            clr_free(path);
            continue;
        }
        if (*n == room) {
            char **more = CLR_NEW(char *, room = room ? 2 * room : 16);
            for (int i = 0; i < *n; i++)
                more[i] = (*paths)[i];
            clr_free(*paths);
            *paths = more;
        }
        (*paths)[(*n)++] = path;
    }
    if (st == CLR_OK && errno)
        st = clr_fail(CLR_EIO, "%s: cannot be listed: %s", folder, strerror(errno));
    closedir(list);
    if (*n)
        qsort(*paths, (size_t)*n, sizeof **paths, by_name);
    return st;
}

void clr_results_free_paths(char **paths, int n)
{
    for (int i = 0; i < n; i++)
        clr_free(paths[i]);
    clr_free(paths);
}
