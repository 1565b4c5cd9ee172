/* SPDX-License-Identifier: BSD-3-Clause */
/* The binary versions of CIFAR-10 (rows of label, 3072 pixels) and CIFAR-100 (coarse label, fine label, 3072 pixels);
   pixels are (channel, 32, 32). */
#include "clr/mem.h"
#include "clr/read.h"
#include "file.h"
#include "place.h"
#include "words.h"

#include <string.h>
#include <strings.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, MOST = 5 };

typedef struct kind {
    const char *train[MOST + 1], *test[2], *names;
    int labels, classes; /* bytes before the pixels, the last one counts */
} kind;

static const kind kinds[] = {
    {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
     {"test_batch.bin"},
     "batches.meta.txt",
     1,
     10},
    {{"train.bin"}, {"test.bin"}, "fine_label_names.txt", 2, 100},
};

typedef struct own {
    const kind *kind;
    bool unlabelled;
    int files;
    clr_file file[MOST];
    int64_t rows[MOST];
} own;

static bool is_bin(const char *path)
{
    size_t length = strlen(path);

    return length > 4 && !strcasecmp(path + length - 4, ".bin");
}

/* The kind whose files, or some of them, a folder has; NULL: neither. */
static const kind *kind_of(const clr_place *place)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bool found = clr_place_find(place, kinds[i].test[0]);
        for (int k = 0; kinds[i].train[k]; k++)
            found |= clr_place_find(place, kinds[i].train[k]) != NULL;
        if (found)
            return &kinds[i];
    }
    return NULL;
}

static bool probe(const clr_place *place)
{
    return place->folder ? kind_of(place) != NULL : is_bin(place->path);
}

/* The kind of a single file: whole rows, and the first labels below the number of classes. */
static clr_status kind_of_file(clr_file *file, const kind **found)
{
    enum { ENOUGH = 64 };
    int64_t bytes = file->bytes, ten = 1 + 3 * PLANE, hundred = 2 + 3 * PLANE;

    *found = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !*found; i++) {
        const kind *k = &kinds[i];
        int64_t row = k->labels + 3 * PLANE;
        bool fits = bytes && bytes % row == 0;
        for (int64_t n = 0; fits && n < ENOUGH && n < bytes / row; n++) {
            uint8_t label;
            clr_status st = clr_file_at(file, &label, 1, n * row + k->labels - 1);
            if (st != CLR_OK)
                return st;
            fits = label < k->classes;
        }
        if (fits)
            *found = k;
    }
    if (*found)
        return CLR_OK;
    if (bytes && bytes % (9 * 3 * PLANE) == 0)
        return clr_fail(
            CLR_EINPUT,
            "%s: is not CIFAR; its whole rows of %d bytes may be STL-10's images: those are read where the name ends "
            "with _X.bin",
            file->path, 9 * 3 * PLANE);
    if (bytes == 0 || (bytes % ten && bytes % hundred))
        return clr_fail(
            CLR_EINPUT,
            "%s: its %lld bytes are not whole rows of %lld (CIFAR-10) or %lld (CIFAR-100); is it cut short?",
            file->path, (long long)bytes, (long long)ten, (long long)hundred);
    return clr_fail(CLR_EINPUT, "%s: is not CIFAR's binary version: labels beyond the classes", file->path);
}

/* The file at path becomes the next one; of a single file the kind is found, too. */
static clr_status add(own *o, const char *path, clr_source *source)
{
    int i = o->files++;
    clr_file *file = &o->file[i];
    clr_status st = clr_file_open(path, file);

    if (st == CLR_OK && !o->kind)
        st = kind_of_file(file, &o->kind);
    if (st != CLR_OK)
        return st;
    int64_t row = o->kind->labels + 3 * PLANE;
    if (file->bytes == 0 || file->bytes % row)
        return clr_fail(CLR_EINPUT, "%s: %lld bytes are not whole rows of %lld; is it cut short?", path,
                        (long long)file->bytes, (long long)row);
    o->rows[i] = file->bytes / row;
    source->examples += o->rows[i];
    return CLR_OK;
}

/* The files of a part of a folder, all of which must be there. */
static clr_status add_part(own *o, const clr_place *place, const char *split, clr_source *source)
{
    bool test = split && clr_word_answers("test", split);
    const char *const *names = test ? o->kind->test : o->kind->train;
    clr_status st = CLR_OK;

    if (split && !test && !clr_word_answers("train", split))
        return clr_fail(CLR_EUSAGE, "--split=%s: %s has only train and test", split, place->path);
    for (int i = 0; st == CLR_OK && names[i]; i++) {
        const char *name = clr_place_find(place, names[i]);
        if (!name)
            return clr_fail(CLR_EINPUT, "%s/%s: is not there; CIFAR-%d's %s images need it", place->path, names[i],
                            o->kind->classes, test ? "test" : "training");
        char *path = clr_text("%s/%s", place->path, name);
        st = add(o, path, source);
        clr_free(path);
    }
    return st;
}

static clr_status open_(const clr_place *place, const clr_read_how *how, clr_source *source)
{
    own *o = source->own = CLR_NEW(own, 1);
    clr_status st;

    o->unlabelled = how->unlabelled;
    if (place->folder) {
        o->kind = kind_of(place);
        st = add_part(o, place, how->split, source);
    } else if (how->split) {
        st = clr_fail(CLR_EUSAGE, "--split=%s: %s is a single file; --split chooses within a folder", how->split,
                      place->path);
    } else {
        st = add(o, place->path, source);
    }
    if (st == CLR_OK && !how->unlabelled) {
        char *folder = place->folder ? clr_copy_text(place->path) : clr_file_folder_of(place->path);
        st = clr_file_classes(folder, o->kind->names, 0, o->kind->classes, source);
        clr_free(folder);
    }
    return st;
}

static clr_status read_(clr_source *source, int64_t i, clr_example *example)
{
    own *o = source->own;
    uint8_t row[2 + 3 * PLANE];
    int64_t labels = o->kind->labels, bytes = labels + 3 * PLANE;
    int f = 0;

    for (; i >= o->rows[f]; f++)
        i -= o->rows[f];
    *example =
        (clr_example){.label = -1, .name = clr_text("%s[%lld]", clr_file_name_of(o->file[f].path), (long long)i)};
    clr_status st = clr_file_at(&o->file[f], row, bytes, i * bytes);
    if (st != CLR_OK)
        return st;
    int label = row[labels - 1];
    if (label >= o->kind->classes)
        return clr_fail(CLR_EINPUT, "its label is %d; there are only %d classes", label, o->kind->classes);
    example->label = o->unlabelled ? -1 : label;
    example->image = (clr_image){SIDE, SIDE, 3, clr_alloc(3 * PLANE, 1)};
    for (int p = 0; p < PLANE; p++)
        for (int c = 0; c < 3; c++)
            example->image.pixels[3 * p + c] = row[labels + c * PLANE + p];
    return CLR_OK;
}

static void close_(clr_source *source)
{
    own *o = source->own;

    for (int i = 0; i < o->files; i++)
        clr_file_close(&o->file[i]);
    clr_free(o);
}

const clr_reader clr_reader_cifar = {.name = "cifar",
                                     .help = "the binary CIFAR-10 or CIFAR-100 (its folder, or one .bin file)",
                                     .probe = probe,
                                     .open = open_,
                                     .read = read_,
                                     .close = close_};
