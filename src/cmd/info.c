/* SPDX-License-Identifier: BSD-3-Clause */
/* info FILE: what a dataset, a checkpoint, a file of features or a run directory holds, every checksum verified. */
#include "clr/cmd.h"
#include "clr/h5.h"
#include "clr/kind.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/plain.h"
#include "clr/store.h"
#include "runs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct config {
    bool all;
} config;

static const clr_opt own[] = {{.name = "all",
                               .kind = CLR_OPT_FLAG,
                               .offset = offsetof(config, all),
                               .initial = "no",
                               .help = "list every dataset of the file with its checksum, not only the first ones"},
                              {0}};
static const clr_opt_part options[] = {{own, 0, NULL}, {0}};

enum { LISTED = 12 };

typedef struct total {
    int64_t datasets, damaged, unreadable, nonfinite, unchecked;
    clr_status st; /* of the first fault */
    char why[600];
} total;

/* What a fault is called. */
static const char *note(total *t, clr_status st)
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

/* Prints a file's own text: what would steer a terminal is shown as '?'. */
static void print_text(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 32 && *text != '\n' && *text != '\t' ? '?' : *text == 127 ? '?' : *text);
}

/* false: nothing of it can be read, here or at all. */
static bool show_shape(clr_h5 *file, const char *name)
{
    static const char *const types[] = {"uint8", "int32", "int64", "uint64", "float32", "float64"};
    int64_t shape[CLR_H5_RANK];
    clr_h5_type type;
    int rank;
    bool number = clr_h5_shape(file, name, &type, &rank, shape) == CLR_OK;

    if (!number && clr_h5_shape(file, name, NULL, &rank, shape) != CLR_OK)
        return false;
    printf("  ");
    print_text(name);
    printf("%*s %s (", (int)(strlen(name) < 44 ? 44 - strlen(name) : 0), "", number ? types[type] : "text");
    for (int i = 0; i < rank; i++)
        printf("%s%lld", i ? ", " : "", (long long)shape[i]);
    printf(")");
    return true;
}

/* One dataset. ours: written here, so that it must have a checksum; finite: and be finite. */
static void check_dataset(clr_h5 *file, const char *name, bool ours, bool finite, bool show, total *t)
{
    uint64_t checksum;
    bool shown = show && show_shape(file, name);
    bool foreign = !ours && !clr_h5_has_checksum(file, name); /* another program's: nothing to compare with */
    clr_status st = foreign  ? CLR_OK
                    : finite ? clr_h5_checksum_finite(file, name, &checksum)
                             : clr_h5_checksum(file, name, &checksum);

    t->datasets++;
    t->unchecked += foreign;
    if (shown && foreign)
        printf(" unchecked\n");
    else if (shown && st == CLR_OK)
        printf(" %016llx\n", (unsigned long long)checksum);
    else if (shown)
        putchar('\n');
    else if (show && foreign && clr_h5_shape(file, name, NULL, NULL, (int64_t[CLR_H5_RANK]){0}) != CLR_OK) {
        printf("  unchecked: ");
        print_text(clr_message());
        putchar('\n');
    }
    if (st == CLR_OK)
        return;
    printf("  %s: ", note(t, st));
    print_text(clr_message());
    putchar('\n');
}

/* Lists and verifies the datasets of an open file. */
static void check_datasets(clr_h5 *file, bool all, bool quiet, total *t)
{
    char **names = NULL, *format = NULL;
    int64_t n = 0;
    bool ours = clr_h5_get_text(file, "format", &format) == CLR_OK && !strncmp(format, "simclr", 6);
    bool finite = clr_h5_has(file, "/model") || clr_h5_has(file, "/h");

    clr_free(format);
    clr_status st = clr_h5_list(file, "/", &names, &n);
    if (st != CLR_OK) {
        printf("  %s: ", note(t, st));
        print_text(clr_message());
        putchar('\n');
    }
    for (int64_t i = 0; i < n; i++) {
        check_dataset(file, names[i], ours, finite, !quiet && (all || i < LISTED), t);
        clr_free(names[i]);
    }
    if (!quiet && !all && n > LISTED)
        printf("  ... and %lld more (--all lists them)\n", (long long)n - LISTED);
    clr_free(names);
}

static void show_text(clr_h5 *file, const char *name)
{
    char *text = NULL;

    if (clr_h5_get_text(file, name, &text) == CLR_OK) {
        printf("%s: ", name);
        print_text(text);
        putchar('\n');
    }
    clr_free(text);
}

static void show_classes(const clr_store_info *f, const int32_t *labels)
{
    int64_t *count = CLR_NEW(int64_t, f->classes);

    for (int64_t i = 0; i < f->images; i++)
        count[labels[i]]++;
    printf("classes: %d\n", f->classes);
    for (int c = 0; c < f->classes && c < LISTED; c++) {
        printf("  ");
        print_text(f->class_names[c]);
        printf("%*s %lld images\n", (int)(strlen(f->class_names[c]) < 44 ? 44 - strlen(f->class_names[c]) : 0), "",
               (long long)count[c]);
    }
    if (f->classes > LISTED)
        printf("  ... and %d more\n", f->classes - LISTED);
    clr_free(count);
}

static void show_store(const char *path, total *t)
{
    clr_store *store = NULL;
    int64_t repeats;

    clr_status st = clr_store_open(path, &store);
    if (st != CLR_OK) {
        note(t, st);
        return;
    }
    const clr_store_info *f = clr_store_info_of(store);
    printf("images: %lld", (long long)f->images);
    if (f->height)
        printf(", each %d x %d (height x width)", f->height, f->width);
    else
        printf(" of mixed sizes, up to %d high and %d wide", f->max_height, f->max_width);
    printf(", %s\n", f->channels == 1 ? "gray" : f->channels == 3 ? "RGB" : "gray and RGB mixed");
    printf("identity: %016llx\n", (unsigned long long)f->checksum);
    if (f->classes)
        show_classes(f, clr_store_labels(store));
    else
        printf("classes: none (unlabelled)\n");
    if (clr_store_repeats(store, &repeats) == CLR_OK && repeats)
        printf("repeated: %lld images have the bytes of an earlier one\n", (long long)repeats);
    clr_store_close(store);
}

/* The kind of an HDF5 file by what it holds. */
static const char *kind_of(clr_h5 *file)
{
    if (clr_h5_has(file, "/images") || clr_h5_has(file, "/shapes"))
        return "dataset";
    if (clr_h5_has(file, "/model"))
        return "checkpoint";
    return clr_h5_has(file, "/h") ? "features" : "hdf5";
}

static clr_status open_file(const char *path, clr_h5 **file)
{
    clr_status st;
    int tries = 0;

    do
        st = clr_h5_open(path, file);
    while (clr_h5_again(st, &tries));
    return st;
}

/* Closes; a refused read may have been shown as something else. */
static void close_file(clr_h5 *file, total *t)
{
    int64_t known = t->unreadable;
    clr_status st = clr_h5_finish(file, CLR_OK);

    if (st != CLR_OK && t->unreadable == known)
        note(t, st);
}

static const char *show_file(const char *path, const config *c, total *t)
{
    static const char *const texts[] = {"format", "simclr_version", "store", "orientation", "range"},
                             *const numbers[] = {"step", "seed"};
    clr_h5 *file = NULL;
    int64_t number;
    double epoch;

    clr_status st = clr_kind_check(path, true);
    if (st == CLR_OK)
        st = open_file(path, &file);
    if (st != CLR_OK) {
        note(t, st);
        return "unknown";
    }
    const char *kind = kind_of(file);
    printf("%s: %s\n", path, kind);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        show_text(file, texts[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (clr_h5_get_int(file, numbers[i], &number) == CLR_OK)
            printf("%s: %lld\n", numbers[i], (long long)number);
    if (clr_h5_get_real(file, "epoch", &epoch) == CLR_OK)
        printf("epoch: %g\n", epoch);
    if (!strcmp(kind, "checkpoint"))
        show_text(file, "config");
    printf("datasets:\n");
    check_datasets(file, c->all, false, t);
    close_file(file, t);
    if (!strcmp(kind, "dataset"))
        show_store(path, t);
    return kind;
}

/* Opens a run's text file; NULL where there is none, or where it cannot be read, which is noted. */
static FILE *open_text(const char *path, total *t)
{
    FILE *file;
    clr_status st = clr_plain_stream(path, &file);

    if (st != CLR_OK)
        note(t, st);
    return file;
}

static void close_text(FILE *file, const char *path, total *t)
{
    int error = file && ferror(file) ? errno : 0;

    if (error)
        note(t, clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(error)));
    if (file)
        fclose(file);
}

/* First and last data row of metrics.tsv are enough to see how far a run has come. */
static void show_metrics(const char *path, total *t)
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
        print_text(head);
        print_text(last);
    }
}

static int is_checkpoint(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return !strncmp(entry->d_name, "step-", 5) && n > 3 && !strcmp(entry->d_name + n - 3, ".h5");
}

static const char *check_checkpoint(const char *path, total *t)
{
    int64_t damaged = t->damaged, unreadable = t->unreadable, nonfinite = t->nonfinite;
    clr_h5 *file = NULL;
    clr_status st = open_file(path, &file);

    if (st == CLR_OK)
        check_datasets(file, false, true, t);
    else
        note(t, st);
    close_file(file, t);
    return t->damaged > damaged         ? "DAMAGED"
           : t->unreadable > unreadable ? "UNREADABLE"
           : t->nonfinite > nonfinite   ? "NOT FINITE"
                                        : "whole";
}

static void show_run(const char *path, total *t)
{
    char line[1024];
    char *name = clr_text("%s/config", path), *folder = clr_text("%s/checkpoints", path);
    char *metrics = clr_text("%s/metrics.tsv", path);
    struct dirent **entry = NULL;
    FILE *file = open_text(name, t);

    printf("%s: run\nconfig:\n", path);
    while (file && fgets(line, sizeof line, file)) {
        printf("  ");
        print_text(line);
    }
    close_text(file, name, t);
    show_metrics(metrics, t);
    int n = scandir(folder, &entry, is_checkpoint, alphasort);
    if (n < 0 && errno != ENOENT)
        note(t, clr_fail(CLR_EIO, "%s: cannot be listed: %s", folder, strerror(errno)));
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

/* Two datasets: what they share. */
static clr_status compare(const char *const path[2])
{
    clr_store *store[2] = {NULL, NULL};
    clr_store_overlap o;
    clr_status st = clr_store_open(path[0], &store[0]);

    if (st == CLR_OK)
        st = clr_store_open(path[1], &store[1]);
    if (st == CLR_OK)
        st = clr_store_compare(store[0], store[1], &o);
    if (st == CLR_OK) {
        const clr_store_info *a = clr_store_info_of(store[0]), *b = clr_store_info_of(store[1]);
        printf("%s: %lld images, of which %lld are in %s too, pixel by pixel\n", path[0], (long long)a->images,
               (long long)o.a_in_b, path[1]);
        printf("%s: %lld images, of which %lld are in %s too, %lld of them in another class\n", path[1],
               (long long)b->images, (long long)o.b_in_a, path[0], (long long)o.relabelled);
        printf("info kind=comparison images=%lld,%lld common=%lld,%lld relabelled=%lld same=%s files=%s,%s\n",
               (long long)a->images, (long long)b->images, (long long)o.a_in_b, (long long)o.b_in_a,
               (long long)o.relabelled, a->checksum == b->checksum ? "yes" : "no", path[0], path[1]);
    }
    clr_store_close(store[0]);
    clr_store_close(store[1]);
    return st;
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const char *path = set->argument[0], *kind = "run";
    total t = {0};
    struct stat attributes;
    (void)comm;

    if (set->arguments == 2)
        return compare(set->argument);
    if (stat(path, &attributes))
        return clr_fail(CLR_EIO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(attributes.st_mode)) {
        char *name = clr_text("%s/config", path);
        int error = stat(name, &attributes) ? errno : 0;
        clr_free(name);
        if (error && error != ENOENT)
            return clr_fail(CLR_EIO, "%s/config: %s", path, strerror(error));
        if (error && clr_runs_count(path) > 0)
            return clr_runs_list(path);
        if (error)
            return clr_fail(CLR_EINPUT,
                            "%s: is a folder without a file `config`, so no run directory, and there is none in it; "
                            "`simclr pack %s OUT.h5` makes a dataset of a folder of images",
                            path, path);
        show_run(path, &t);
    } else {
        kind = show_file(path, settings, &t);
    }
    printf("info kind=%s datasets=%lld damaged=%lld unchecked=%lld unreadable=%lld nonfinite=%lld file=%s\n", kind,
           (long long)t.datasets, (long long)t.damaged, (long long)t.unchecked, (long long)t.unreadable,
           (long long)t.nonfinite, path);
    return t.st == CLR_OK ? CLR_OK : clr_fail(t.st, "%s", t.why);
}

const clr_command clr_command_info = {
    .name = "info",
    .arguments = "FILE|RUN_DIR|FOLDER [OTHER.h5]",
    .help =
        "what a dataset, checkpoint or run directory holds, every checksum verified; the runs of a folder; what two "
        "datasets share",
    .example = "simclr info runs/a",
    .options = options,
    .config_bytes = sizeof(config),
    .least = 1,
    .most = 2,
    .alone = true,
    .run = run};
