/* SPDX-License-Identifier: BSD-3-Clause */
/* A folder of runs as a table. All is read from texts of the run directories; checkpoints are only counted. */
#include "runs.h"

#include "clr/mem.h"
#include "clr/plain.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { LINE = 4096, CONFIG = 1 << 20, SILENCE = 90 /* seconds after which a lock that nobody touches is stale */ };

typedef struct entry {
    char name[256];
    const char *state;
    double step, epoch, loss, probe; /* NaN: not known */
    time_t when;                     /* of the latest row, or of the config */
} entry;

static bool is_run(const char *folder, const char *name)
{
    struct stat attributes;
    char *path = clr_text("%s/%s/config", folder, name);
    bool yes = name[0] != '.' && !stat(path, &attributes) && S_ISREG(attributes.st_mode);

    clr_free(path);
    return yes;
}

/* Cell i of a line of cells that tabs part, as a number; NaN where there is none. */
static double cell(const char *line, int i)
{
    for (; line && i > 0; i--) {
        line = strchr(line, '\t');
        line = line ? line + 1 : NULL;
    }
    return line && *line && *line != '\t' ? strtod(line, NULL) : NAN;
}

/* The place of a column in a header; -1: it has none. */
static int column(const char *header, const char *name)
{
    header += strspn(header, "# ");
    for (int i = 0; header; i++) {
        size_t n = strcspn(header, "\t\r\n");
        if (n == strlen(name) && !strncmp(header, name, n))
            return i;
        header = strchr(header, '\t');
        header = header ? header + 1 : NULL;
    }
    return -1;
}

/* The header and the last whole row of a table; false where it has no row. */
static bool last_row(const char *folder, const char *name, const char *file, char header[LINE], char row[LINE])
{
    char *path = clr_text("%s/%s/%s", folder, name, file), line[LINE];
    FILE *from = NULL;

    *header = *row = 0;
    if (clr_plain_stream(path, &from) == CLR_OK && from) {
        while (fgets(line, sizeof line, from))
            if (strchr(line, '\n'))
                strcpy(*line == '#' ? header : row, line);
        fclose(from);
    }
    clr_free(path);
    return *header && *row;
}

/* A number that a run's config gives an option; NaN where it does not. */
static double option(const char *config, const char *name)
{
    char *start = clr_text("\n%s = ", name);
    const char *at = config ? strstr(config, start) : NULL;
    double value = at ? strtod(at + strlen(start), NULL) : NAN;

    clr_free(start);
    return value;
}

/* Whether somebody touched the run's lock a moment ago. */
static bool is_held(const char *folder, const char *name, time_t now)
{
    struct stat attributes;
    char *path = clr_text("%s/%s/lock", folder, name);
    bool held = !stat(path, &attributes) && now - attributes.st_mtime < SILENCE;

    clr_free(path);
    return held;
}

static entry look(const char *folder, const char *name, time_t now)
{
    entry e = {.step = 0, .epoch = NAN, .loss = NAN, .probe = NAN};
    char header[LINE], row[LINE], *config = NULL;
    char *path = clr_text("%s/%s/config", folder, name), *metrics = clr_text("%s/%s/metrics.tsv", folder, name);
    struct stat attributes;

    snprintf(e.name, sizeof e.name, "%s", name);
    if (!stat(metrics, &attributes) || !stat(path, &attributes))
        e.when = attributes.st_mtime;
    if (last_row(folder, name, "metrics.tsv", header, row)) {
        int online = column(header, "online_top1"), test = column(header, "test_top1");
        e.step = cell(row, column(header, "step"));
        e.epoch = cell(row, column(header, "epoch"));
        e.loss = cell(row, column(header, "loss"));
        e.probe = test >= 0 ? cell(row, test) : online >= 0 ? 100 * cell(row, online) : NAN;
    }
    if (last_row(folder, name, "probe.tsv", header, row))
        e.probe = cell(row, column(header, "top1"));
    if (clr_plain_read(path, CONFIG, &config) == CLR_OK && config) {
        double steps = option(config, "steps"), epochs = option(config, "epochs");
        bool done = steps > 0 ? e.step >= steps : e.epoch > 0 && e.epoch + e.epoch / e.step > epochs;
        e.state = done ? "done" : e.step > 0 ? "stopped" : "begun";
    } else {
        e.state = "unreadable";
    }
    if (is_held(folder, name, now))
        e.state = "running";
    clr_free(config);
    clr_free(path);
    clr_free(metrics);
    return e;
}

static int by_time(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return x->when != y->when ? (x->when > y->when) - (x->when < y->when) : strcmp(x->name, y->name);
}

int clr_runs_count(const char *folder)
{
    DIR *list = opendir(folder);
    int n = 0;

    if (!list)
        return -1;
    for (struct dirent *d = readdir(list); d; d = readdir(list))
        n += is_run(folder, d->d_name);
    closedir(list);
    return n;
}

/* A number, or a dash where it is not known. */
static void put(const char *format, int width, double x)
{
    char text[32] = "-";

    if (!isnan(x))
        snprintf(text, sizeof text, format, x);
    printf("%*s  ", width, text);
}

clr_status clr_runs_list(const char *folder)
{
    int most = clr_runs_count(folder), n = 0;
    DIR *list = most < 0 ? NULL : opendir(folder);
    time_t now = time(NULL);
    char when[32];

    if (!list)
        return clr_fail(CLR_EIO, "%s: cannot be listed: %s", folder, strerror(errno));
    entry *entries = CLR_NEW(entry, most + 1);
    for (struct dirent *d = readdir(list); d && n < most; d = readdir(list))
        if (is_run(folder, d->d_name))
            entries[n++] = look(folder, d->d_name, now);
    closedir(list);
    qsort(entries, (size_t)n, sizeof *entries, by_time);
    printf("%-10s  %8s  %8s  %9s  %7s  %-16s  %s\n", "state", "step", "epoch", "loss", "probe %", "latest step", "run");
    for (int i = 0; i < n; i++) {
        const entry *e = &entries[i];
        struct tm local;
        *when = 0;
        if (localtime_r(&e->when, &local))
            strftime(when, sizeof when, "%F %H:%M", &local);
        printf("%-10s  ", e->state);
        put("%.0f", 8, e->step);
        put("%.2f", 8, e->epoch);
        put("%.4f", 9, e->loss);
        put("%.2f", 7, e->probe);
        printf("%-16s  %s/%s\n", when, folder, e->name);
    }
    printf("info kind=runs runs=%d folder=%s\n", n, folder);
    clr_free(entries);
    return CLR_OK;
}
