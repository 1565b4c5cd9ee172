/* SPDX-License-Identifier: BSD-3-Clause */
/* info of a run directory, and the printing of its texts. */
#include "info.h"

#include "clr/mem.h"
#include "clr/plain.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *clr_info_note(clr_info_total *t, clr_status st)
{
    if (t->st == CLR_OK) {
        t->st = st;
        snprintf(t->why, sizeof t->why, "%s", clr_message());
    }
    if (st == CLR_ENUMERIC) {
        t->nonfinite++;
        return "NOT FINITE";
    }
    if (st != CLR_EINPUT) {
        t->unreadable++;
        return "UNREADABLE";
    }
    t->damaged++;
    return "DAMAGED";
}

void clr_info_print(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 32 && *text != '\n' && *text != '\t' ? '?' : *text == 127 ? '?' : *text);
}

/* Opens a run's text file. NULL where there is none, or where it cannot be read (then counted as a fault). */
static FILE *open_text(const char *path, clr_info_total *t)
{
    FILE *file;
    clr_status st = clr_plain_stream(path, &file);

    if (st != CLR_OK)
        clr_info_note(t, st);
    return file;
}

static void close_text(FILE *file, const char *path, clr_info_total *t)
{
    int error = file && ferror(file) ? errno : 0;

    if (error)
        clr_info_note(t, clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(error)));
    if (file)
        fclose(file);
}

/* First and last data row of metrics.tsv are enough to see how far a run has come. */
static void show_metrics(const char *path, clr_info_total *t)
{
    char line[2048], head[2048] = "", last[2048] = "";
    long long rows = 0;
    FILE *file = open_text(path, t);

    while (file && fgets(line, sizeof line, file)) {
        rows += line[0] != '#';
        strcpy(line[0] == '#' ? head : last, line);
    }
    close_text(file, path, t);
    printf("metrics: %lld steps\n", rows);
    if (rows) {
        clr_info_print(head);
        clr_info_print(last);
    }
}

static int is_checkpoint(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return !strncmp(entry->d_name, "step-", 5) && n > 3 && !strcmp(entry->d_name + n - 3, ".h5");
}

static const char *check_checkpoint(const char *path, clr_info_total *t)
{
    int64_t damaged = t->damaged, unreadable = t->unreadable, nonfinite = t->nonfinite;
    clr_h5 *file = NULL;
    clr_status st = clr_info_open(path, &file);

    if (st == CLR_OK)
        clr_info_check(file, false, true, t);
    else
        clr_info_note(t, st);
    clr_info_close(file, t);
    return t->damaged > damaged         ? "DAMAGED"
           : t->unreadable > unreadable ? "UNREADABLE"
           : t->nonfinite > nonfinite   ? "NOT FINITE"
                                        : "whole";
}

void clr_info_run(const char *path, clr_info_total *t)
{
    char line[1024];
    char *name = clr_text("%s/config", path), *folder = clr_text("%s/checkpoints", path);
    char *metrics = clr_text("%s/metrics.tsv", path);
    struct dirent **entry = NULL;
    FILE *file = open_text(name, t);

    printf("%s: run\nconfig:\n", path);
    while (file && fgets(line, sizeof line, file)) {
        printf("  ");
        clr_info_print(line);
    }
    close_text(file, name, t);
    show_metrics(metrics, t);
    int n = scandir(folder, &entry, is_checkpoint, alphasort);
    if (n < 0 && errno != ENOENT)
        clr_info_note(t, clr_fail(CLR_EIO, "%s: cannot be listed: %s", folder, strerror(errno)));
    printf("checkpoints: %d\n", n < 0 ? 0 : n);
    for (int i = 0; i < n; i++) {
        char *one = clr_text("%s/%s", folder, entry[i]->d_name);
        const char *state = check_checkpoint(one, t);
        printf("  %-44s %s\n", entry[i]->d_name, state);
        clr_free(one);
        free(entry[i]);
    }
    free(entry);
    clr_free(name);
    clr_free(folder);
    clr_free(metrics);
}
