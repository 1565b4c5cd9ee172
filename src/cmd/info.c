/* info FILE: what a dataset, a checkpoint, a file of features or a run directory holds, every checksum verified. */
#include "clr/cmd.h"
#include "clr/h5.h"
#include "clr/image.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/plain.h"
#include "clr/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct config {
    bool all;
} config;

static const clr_opt options[] = {
    {.name = "all", .kind = CLR_OPT_FLAG, .offset = offsetof(config, all), .initial = "no",
     .help = "list every dataset of the file with its checksum, not only the first ones"},
    {0}};

enum { LISTED = 12 };

typedef struct total {
    int64_t datasets, damaged, unchecked;
    char why[600]; /* of the first damage */
} total;

static void note(total *t)
{
    if (!t->damaged++)
        snprintf(t->why, sizeof t->why, "%s", clr_message());
}

static void show_shape(clr_h5 *file, const char *name)
{
    static const char *const types[] = {"uint8", "int32", "int64", "uint64", "float32", "float64"};
    int64_t shape[CLR_H5_RANK];
    clr_h5_type type;
    int rank;

    if (clr_h5_shape(file, name, &type, &rank, shape) == CLR_OK)
        printf("  %-44s %s (", name, types[type]);
    else if (clr_h5_shape(file, name, NULL, &rank, shape) == CLR_OK)
        printf("  %-44s text (", name);
    else
        return;
    for (int i = 0; i < rank; i++)
        printf("%s%lld", i ? ", " : "", (long long)shape[i]);
    printf(")");
}

/* Lists and verifies the datasets of an open file. */
static void check_datasets(clr_h5 *file, bool all, bool quiet, total *t)
{
    char **names = NULL, *format = NULL;
    int64_t n = 0;
    bool ours = clr_h5_get_text(file, "format", &format) == CLR_OK && !strncmp(format, "simclr", 6);

    clr_free(format);
    if (clr_h5_list(file, "/", &names, &n) != CLR_OK)
        note(t);
    for (int64_t i = 0; i < n; i++) {
        bool shown = !quiet && (all || i < LISTED);
        uint64_t checksum;
        if (shown)
            show_shape(file, names[i]);
        bool foreign = !ours && !clr_h5_has_checksum(file, names[i]); /* another program's: nothing to compare with */
        bool good = foreign || clr_h5_checksum(file, names[i], &checksum) == CLR_OK;
        t->unchecked += foreign;
        if (shown && foreign)
            printf(" unchecked");
        else if (shown && good)
            printf(" %016llx", (unsigned long long)checksum);
        if (shown)
            putchar('\n');
        if (!good) {
            printf("  DAMAGED: %s\n", clr_message());
            note(t);
        }
        t->datasets++;
        clr_free(names[i]);
    }
    if (!quiet && !all && n > LISTED)
        printf("  ... and %lld more (--all lists them)\n", (long long)n - LISTED);
    clr_free(names);
}

static void show_text(clr_h5 *file, const char *name)
{
    char *text = NULL;

    if (clr_h5_get_text(file, name, &text) == CLR_OK)
        printf("%s: %s\n", name, text);
    clr_free(text);
}

static void show_classes(const clr_store_facts *f, const int32_t *labels)
{
    int64_t *count = CLR_NEW(int64_t, f->classes);

    for (int64_t i = 0; i < f->images; i++)
        count[labels[i]]++;
    printf("classes: %d\n", f->classes);
    for (int c = 0; c < f->classes && c < LISTED; c++)
        printf("  %-44s %lld images\n", f->class_names[c], (long long)count[c]);
    if (f->classes > LISTED)
        printf("  ... and %d more\n", f->classes - LISTED);
    clr_free(count);
}

static void show_store(const char *path, total *t)
{
    clr_store *store = NULL;

    if (clr_store_open(path, &store) != CLR_OK) {
        note(t);
        return;
    }
    const clr_store_facts *f = clr_store_facts_of(store);
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

static const char *show_file(const char *path, const config *c, total *t)
{
    static const char *const texts[] = {"format", "simclr_version", "store"}, *const numbers[] = {"step", "seed"};
    clr_h5 *file = NULL;
    int64_t number;
    double epoch;

    if (clr_h5_open(path, &file) != CLR_OK) {
        note(t);
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
    clr_h5_close(file);
    if (!strcmp(kind, "dataset"))
        show_store(path, t);
    return kind;
}

/* A text of a run directory, or NULL, with a warning where something else has its name. */
static FILE *open_text(const char *path)
{
    FILE *file;

    if (clr_plain_stream(path, &file) != CLR_OK)
        clr_warn("%s", clr_message());
    return file;
}

/* First and last data row of metrics.tsv are enough to see how far a run has come. */
static void show_metrics(const char *path)
{
    char line[2048], head[2048] = "", last[2048] = "";
    long long rows = 0;
    FILE *file = open_text(path);

    while (file && fgets(line, sizeof line, file)) {
        rows += line[0] != '#';
        strcpy(line[0] == '#' ? head : last, line);
    }
    if (file)
        fclose(file);
    printf("metrics: %lld steps\n", rows);
    if (rows)
        printf("%s%s", head, last);
}

static int is_checkpoint(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return !strncmp(entry->d_name, "step-", 5) && n > 3 && !strcmp(entry->d_name + n - 3, ".h5");
}

static void show_run(const char *path, total *t)
{
    char line[1024];
    char *name = clr_text("%s/config", path), *folder = clr_text("%s/checkpoints", path);
    char *metrics = clr_text("%s/metrics.tsv", path);
    struct dirent **entry = NULL;
    FILE *file = open_text(name);

    printf("%s: run\nconfig:\n", path);
    while (file && fgets(line, sizeof line, file))
        printf("  %s", line);
    if (file)
        fclose(file);
    show_metrics(metrics);
    int n = scandir(folder, &entry, is_checkpoint, alphasort);
    printf("checkpoints: %d\n", n < 0 ? 0 : n);
    for (int i = 0; i < n; i++) {
        char *one = clr_text("%s/%s", folder, entry[i]->d_name);
        clr_h5 *checkpoint = NULL;
        int64_t before = t->damaged;
        if (clr_h5_open(one, &checkpoint) != CLR_OK)
            note(t);
        else
            check_datasets(checkpoint, false, true, t);
        clr_h5_close(checkpoint);
        printf("  %-44s %s\n", entry[i]->d_name, t->damaged > before ? "DAMAGED" : "whole");
        clr_free(one);
        free(entry[i]);
    }
    free(entry);
    clr_free(name);
    clr_free(folder);
    clr_free(metrics);
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const char *path = set->argument[0], *kind = "run";
    total t = {0};
    struct stat facts;
    (void)comm;

    if (stat(path, &facts))
        return clr_fail(CLR_EIO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(facts.st_mode)) {
        char *name = clr_text("%s/config", path);
        bool there = !stat(name, &facts);
        clr_free(name);
        if (!there)
            return clr_fail(CLR_EINPUT, "%s: is a folder without a file `config`, so no run directory", path);
        show_run(path, &t);
    } else {
        kind = show_file(path, settings, &t);
    }
    printf("info kind=%s datasets=%lld damaged=%lld unchecked=%lld file=%s\n", kind, (long long)t.datasets, (long long)t.damaged,
           (long long)t.unchecked, path);
    return t.damaged ? clr_fail(CLR_EINPUT, "%s", t.why) : CLR_OK;
}

const clr_command clr_command_info = {.name = "info",
                                      .arguments = "FILE",
                                      .help = "what a dataset, checkpoint or run directory holds; verifies every checksum",
                                      .options = options,
                                      .config_bytes = sizeof(config),
                                      .least = 1,
                                      .most = 1,
                                      .alone = true,
                                      .run = run};
