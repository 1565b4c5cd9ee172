/* SPDX-License-Identifier: BSD-3-Clause */
/* info of one HDF5 file: its datasets, each checksum verified; of a dataset also its images and classes. */
#include "clr/kind.h"
#include "clr/mem.h"
#include "clr/store.h"
#include "info.h"

#include <stdio.h>
#include <string.h>

enum { LISTED = 12 };

/* Prints the line of a dataset. false: its shape cannot be read. */
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
    clr_info_print(name);
    printf("%*s %s (", (int)(strlen(name) < 44 ? 44 - strlen(name) : 0), "", number ? types[type] : "text");
    for (int i = 0; i < rank; i++)
        printf("%s%lld", i ? ", " : "", (long long)shape[i]);
    printf(")");
    return true;
}

/* Verifies one dataset. ours: written by this program, so that it must have a checksum; finite: its numbers must be
   finite. */
static void check_dataset(clr_h5 *file, const char *name, bool ours, bool finite, bool show, clr_info_total *t)
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
        clr_info_print(clr_message());
        putchar('\n');
    }
    if (st == CLR_OK)
        return;
    printf("  %s: ", clr_info_note(t, st));
    clr_info_print(clr_message());
    putchar('\n');
}

/* Lists and verifies the datasets of an open file. */
void clr_info_check(clr_h5 *file, bool all, bool quiet, clr_info_total *t)
{
    char **names = NULL, *format = NULL;
    int64_t n = 0;
    bool ours = clr_h5_get_text(file, "format", &format) == CLR_OK && !strncmp(format, "simclr", 6);
    bool finite = clr_h5_has(file, "/model") || clr_h5_has(file, "/h");

    clr_free(format);
    clr_status st = clr_h5_list(file, "/", &names, &n);
    if (st != CLR_OK) {
        printf("  %s: ", clr_info_note(t, st));
        clr_info_print(clr_message());
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
        clr_info_print(text);
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
        clr_info_print(f->class_names[c]);
        printf("%*s %lld images\n", (int)(strlen(f->class_names[c]) < 44 ? 44 - strlen(f->class_names[c]) : 0), "",
               (long long)count[c]);
    }
    if (f->classes > LISTED)
        printf("  ... and %d more\n", f->classes - LISTED);
    clr_free(count);
}

static void show_store(const char *path, clr_info_total *t)
{
    clr_store *store = NULL;
    int64_t repeats;

    clr_status st = clr_store_open(path, &store);
    if (st != CLR_OK) {
        clr_info_note(t, st);
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

clr_status clr_info_open(const char *path, clr_h5 **file)
{
    clr_status st;
    int tries = 0;

    do
        st = clr_h5_open(path, file);
    while (clr_h5_again(st, &tries));
    return st;
}

/* Closes. A read that the system refused is counted here where nothing else has shown it. */
void clr_info_close(clr_h5 *file, clr_info_total *t)
{
    int64_t known = t->unreadable;
    clr_status st = clr_h5_finish(file, CLR_OK);

    if (st != CLR_OK && t->unreadable == known)
        clr_info_note(t, st);
}

const char *clr_info_file(const char *path, bool all, clr_info_total *t)
{
    static const char *const texts[] = {"format", "simclr_version", "store", "orientation", "range"},
                             *const numbers[] = {"step", "seed"};
    clr_h5 *file = NULL;
    int64_t number;
    double epoch;

    clr_status st = clr_kind_check(path, true);
    if (st == CLR_OK)
        st = clr_info_open(path, &file);
    if (st != CLR_OK) {
        clr_info_note(t, st);
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
    clr_info_check(file, all, false, t);
    clr_info_close(file, t);
    if (!strcmp(kind, "dataset"))
        show_store(path, t);
    return kind;
}
