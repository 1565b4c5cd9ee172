/* SPDX-License-Identifier: BSD-3-Clause */
/* The binary version of STL-10: PART_X.bin of train, test and unlabeled, rows of 27648 bytes (channel, column, row),
   and PART_y.bin, a byte from 1 to 10 for each. */
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/read.h"
#include "file.h"
#include "place.h"
#include "words.h"

#include <string.h>
#include <strings.h>

enum { SIDE = 96, PLANE = SIDE * SIDE, ROW = 3 * PLANE, CLASSES = 10 };

static const char *const parts[] = {"train_X.bin", "test_X.bin", "unlabeled_X.bin"};

typedef struct own {
    clr_file images;
    uint8_t *labels; /* 1 to CLASSES; NULL: none */
} own;

static bool ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n >= m && !strcasecmp(name + n - m, end);
}

static bool probe(const clr_place *place)
{
    if (!place->folder)
        return ends(place->path, "_X.bin") || ends(place->path, "_y.bin");
    return clr_place_find(place, parts[0]) || clr_place_find(place, parts[1]) || clr_place_find(place, parts[2]);
}

/* The file of images: place itself, or that of the part in its folder. */
static clr_status choose(const clr_place *place, const char *split, char **path)
{
    if (!place->folder && split)
        return clr_fail(CLR_EUSAGE, "--split=%s: %s is a single file; --split chooses within a folder", split,
                        place->path);
    if (!place->folder && ends(place->path, "_y.bin"))
        return clr_fail(CLR_EINPUT, "%s: holds STL-10's labels; give the images (_X.bin) or their folder", place->path);
    if (!place->folder) {
        *path = clr_copy_text(place->path);
        return CLR_OK;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char *part = clr_text("%.*s", (int)(strlen(parts[i]) - strlen("_X.bin")), parts[i]);
        const char *found = clr_place_find(place, parts[i]);
        bool wanted = split ? clr_word_answers(part, split) > 0 : i == 0;
        clr_free(part);
        if (!wanted)
            continue;
        *path = found ? clr_text("%s/%s", place->path, found) : NULL;
        return found ? CLR_OK : clr_fail(CLR_EINPUT, "%s: STL-10's %s is not there", place->path, parts[i]);
    }
    return clr_fail(CLR_EUSAGE, "--split=%s: %s (STL-10) has only train, test and unlabeled", split, place->path);
}

/* The labels beside the images, where there are any: path with y for X, capital or small. */
static clr_status read_labels(own *o, clr_source *source)
{
    clr_file file = {.fd = -1};
    clr_names beside = {0};
    const char *images = clr_file_name_of(o->images.path);
    size_t stem = strlen(images) - strlen("X.bin");
    char *folder = clr_file_folder_of(o->images.path), *path = NULL;
    clr_status st = clr_file_names(folder, &beside);

    if (st != CLR_OK)
        clr_fail_in(st, "%s", folder);
    for (int64_t i = 0; i < beside.count && !path; i++)
        if (strlen(beside.name[i]) == stem + 5 && !strncmp(beside.name[i], images, stem) &&
            !strcasecmp(beside.name[i] + stem, "y.bin"))
            path = clr_text("%s/%s", folder, beside.name[i]);
    if (st == CLR_OK && !path && strncasecmp(images, "unlabel", 7))
        clr_warn("%s: its labels (%.*sy.bin) are not beside it: packed without labels", o->images.path, (int)stem,
                 images);
    if (path && (st = clr_file_open(path, &file)) == CLR_OK && file.bytes != source->examples)
        st = clr_fail(CLR_EINPUT, "%s: holds %lld labels for the %lld images of %s", path, (long long)file.bytes,
                      (long long)source->examples, o->images.path);
    if (path && st == CLR_OK) {
        o->labels = clr_alloc((size_t)source->examples, 1);
        st = clr_file_at(&file, o->labels, source->examples, 0);
    }
    for (int64_t i = 0; path && st == CLR_OK && i < source->examples; i++)
        if (o->labels[i] < 1 || o->labels[i] > CLASSES)
            st = clr_fail(CLR_EINPUT, "%s: label %lld is %d; STL-10's are 1 to %d", path, (long long)i, o->labels[i],
                          CLASSES);
    clr_file_close(&file);
    clr_names_free(&beside);
    clr_free(folder);
    clr_free(path);
    return st;
}

static clr_status open_(const clr_place *place, const clr_read_how *how, clr_source *source)
{
    own *o = source->own = CLR_NEW(own, 1);
    char *path = NULL;

    o->images.fd = -1;
    clr_status st = choose(place, how->split, &path);
    if (st == CLR_OK)
        st = clr_file_open(path, &o->images);
    clr_free(path);
    if (st == CLR_OK && (!o->images.bytes || o->images.bytes % ROW))
        st = clr_fail(CLR_EINPUT, "%s: %lld bytes are not whole rows of %d (STL-10); is it cut short?", o->images.path,
                      (long long)o->images.bytes, ROW);
    source->examples = st == CLR_OK ? o->images.bytes / ROW : 0;
    if (st == CLR_OK && !how->unlabelled)
        st = read_labels(o, source);
    if (st != CLR_OK || !o->labels)
        return st;
    char *folder = clr_file_folder_of(o->images.path);
    st = clr_file_classes(folder, "class_names.txt", 1, CLASSES, source);
    clr_free(folder);
    source->per_class = CLR_NEW(int64_t, CLASSES);
    for (int64_t i = 0; i < source->examples; i++)
        source->per_class[o->labels[i] - 1]++;
    return st;
}

static clr_status read_(clr_source *source, int64_t i, clr_example *example)
{
    own *o = source->own;
    uint8_t row[ROW];
    const char *name = clr_file_name_of(o->images.path);

    *example =
        (clr_example){.label = o->labels ? o->labels[i] - 1 : -1, .name = clr_text("%s[%lld]", name, (long long)i)};
    clr_status st = clr_file_at(&o->images, row, ROW, i * ROW);
    if (st != CLR_OK)
        return st;
    example->image = (clr_image){SIDE, SIDE, 3, clr_alloc(ROW, 1)};
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++)
                example->image.pixels[3 * (y * SIDE + x) + c] = row[c * PLANE + x * SIDE + y];
    return CLR_OK;
}

static void close_(clr_source *source)
{
    own *o = source->own;

    clr_file_close(&o->images);
    clr_free(o->labels);
    clr_free(o);
}

const clr_reader clr_reader_stl10 = {.name = "stl10",
                                     .help = "the binary STL-10 (its folder, or one _X.bin file)",
                                     .probe = probe,
                                     .open = open_,
                                     .read = read_,
                                     .close = close_};
