/* SPDX-License-Identifier: BSD-3-Clause */
/* A tree of PNG and JPEG files, in the order of names; folders are its classes (layout.h). */
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/read.h"
#include "file.h"
#include "layout.h"
#include "level.h"
#include "part.h"
#include "place.h"
#include "tree.h"
#include "words.h"

#include <string.h>
#include <unistd.h>

typedef struct own {
    clr_tree tree;
    int32_t *label; /* NULL: none */
} own;

static bool probe(const clr_place *place)
{
    return place->folder;
}

/* Labels and classes, from the layout. */
static void label(own *o, const clr_layout *layout, clr_source *source)
{
    const char *last = NULL;
    int64_t n = o->tree.images.count;
    int capacity = 0, k = -1, bytes = 0;

    o->label = CLR_NEW(int32_t, n);
    for (int64_t i = 0; i < n; i++) {
        int length;
        bool leaf;
        const char *name = clr_level_component(o->tree.images.name[i] + 1, layout->base, &length, &leaf);
        if (!last || length != bytes || strncmp(name, last, (size_t)bytes)) {
            if (++k == capacity) {
                source->classes = clr_file_grow(source->classes, (size_t)capacity * sizeof(char *),
                                                (size_t)(2 * capacity + 16) * sizeof(char *));
                source->per_class = clr_file_grow(source->per_class, (size_t)capacity * sizeof(int64_t),
                                                  (size_t)(2 * capacity + 16) * sizeof(int64_t));
                capacity = 2 * capacity + 16;
            }
            source->classes[k] = clr_text("%.*s", length, name);
            last = name, bytes = length;
        }
        o->label[i] = k;
        source->per_class[k]++;
    }
    source->class_count = k + 1;
}

/* Warns that lists of labels are not read. */
static void mention_lists(const clr_place *place, const clr_tree *tree)
{
    const char *list = tree->lists.first;

    for (int64_t i = 0; !list && i < place->names.count; i++)
        if (clr_word_is_list(place->names.name[i]))
            list = place->names.name[i];
    if (list)
        clr_warn("%s: labels that %s may list are not read; folders named after the classes would give them",
                 place->path, list);
}

static clr_status open_(const clr_place *place, const clr_read_how *how, clr_source *source)
{
    own *o = source->own = CLR_NEW(own, 1);
    bool unlabelled = how->unlabelled, as_is = how->split && !strcmp(how->split, ".");
    clr_layout layout = {.src = place->path, .split = how->split, .as_is = as_is};
    char *top = NULL;
    clr_status st = CLR_OK;

    if (how->split && clr_part_leads_up(how->split))
        return clr_fail(CLR_EUSAGE, "--split=%s: names no folder below SRC", how->split);
    if (how->split && !as_is) {
        st = clr_part_find(place->path, how->split, &top);
        if (st == CLR_OK && !top)
            layout.inner = how->split, layout.split = NULL;
    } else if (!as_is && !unlabelled) {
        clr_names parts;
        if ((st = clr_part_folders(place->path, true, &parts)) == CLR_OK)
            st = clr_layout_glance(place->path, &parts, &layout);
        clr_names_free(&parts);
    }
    if (st == CLR_OK)
        st = clr_tree_open(top ? top : place->path, &o->tree);
    if (st == CLR_OK)
        source->folder = clr_copy_text(o->tree.top);
    if (st == CLR_OK && (!unlabelled || layout.inner))
        st = clr_layout_find(&o->tree, &layout);
    clr_free(top);
    if (st != CLR_OK)
        return st;
    source->examples = o->tree.images.count;
    clr_tree_say(&o->tree);
    if (layout.labelled && !unlabelled)
        label(o, &layout, source);
    else if (source->examples && !unlabelled)
        mention_lists(place, &o->tree);
    return CLR_OK;
}

/* A link that led nowhere when the tree was walked: CLR_OK where it leads to something now. */
static clr_status look_again(const char *full)
{
    struct stat attributes;
    bool there;
    char target[400];
    clr_status st = clr_file_stat(full, false, &attributes, &there);
    ssize_t n = there || st != CLR_OK ? -1 : readlink(full, target, sizeof target);

    if (st != CLR_OK || there)
        return st;
    return clr_fail(
        CLR_EINPUT,
        "is a link to %.*s, which is not there: fetch it (git annex get, dvc pull), or mount what it lies on",
        n > 0 ? (int)n : 1, n > 0 ? target : "?");
}

static clr_status read_(clr_source *source, int64_t i, clr_example *example)
{
    const own *o = source->own;
    const char *mark = o->tree.images.name[i], *path = mark + 1;
    char *full = clr_text("%s/%s", o->tree.top, path);

    *example = (clr_example){.label = o->label ? o->label[i] : -1, .name = clr_copy_text(path)};
    clr_status st = *mark == CLR_TREE_LOST ? look_again(full) : CLR_OK;
    if (st == CLR_OK)
        st = clr_file_read(full, &example->encoded, &example->encoded_bytes);
    if (st == CLR_EIO)
        clr_fail_in(st, "%s", full);
    if (st == CLR_OK)
        st = clr_image_decode_by(example->encoded, (size_t)example->encoded_bytes, &source->rules, &example->image,
                                 &example->info);
    if (st != CLR_OK) {
        clr_free(example->encoded);
        example->encoded = NULL;
    }
    clr_free(full);
    return st;
}

static void close_(clr_source *source)
{
    own *o = source->own;

    clr_tree_close(&o->tree);
    clr_free(o->label);
    clr_free(o);
}

const clr_reader clr_reader_folder = {.name = "folder",
                                      .help = "a folder tree of PNG or JPEG files",
                                      .parallel = true,
                                      .probe = probe,
                                      .open = open_,
                                      .read = read_,
                                      .close = close_};
