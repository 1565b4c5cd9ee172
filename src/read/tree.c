/* SPDX-License-Identifier: BSD-3-Clause */
/* The walk goes by the number of links on the way, then by depth: what is reached first is reached by the best of its
   names, so that every later one is known to be a second name. Folders reached by a link are entered once, which is why
   no tree is endless. */
#include "tree.h"

#include "clr/comm.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "words.h"

#include <string.h>
#include <strings.h>

typedef struct id {
    dev_t dev;
    ino_t ino;
    bool used;
} id;

/* An entry that is still to be visited: a folder, or a link to a file. */
typedef struct item {
    char *path;
    int links, depth;
    bool folder;
    dev_t dev;
    ino_t ino;
} item;

typedef struct walk {
    clr_tree *tree;
    id *seen; /* a hash table, at most half full */
    size_t ids, places;
    item *item;
    int64_t items, capacity;
    int links, depth; /* the largest of any item */
    double next_word; /* seconds: when progress is said again */
} walk;

/* Whether this file or folder was met before; from now on it was. */
static bool met(walk *w, dev_t dev, ino_t ino)
{
    if (2 * (w->ids + 1) > w->places) {
        id *old = w->seen;
        size_t places = w->places;
        w->places = 2 * places + 1024;
        w->seen = CLR_NEW(id, w->places);
        w->ids = 0;
        for (size_t i = 0; i < places; i++)
            if (old[i].used)
                met(w, old[i].dev, old[i].ino);
        clr_free(old);
    }
    size_t at = (size_t)(((uint64_t)ino * UINT64_C(0x9e3779b97f4a7c15)) ^ (uint64_t)dev) % w->places;
    for (; w->seen[at].used; at = (at + 1) % w->places)
        if (w->seen[at].dev == dev && w->seen[at].ino == ino)
            return true;
    w->seen[at] = (id){dev, ino, true};
    w->ids++;
    return false;
}

static void add_image(walk *w, const char *path, char mark)
{
    char *text = clr_text("%c%s", mark, path);

    clr_names_add(&w->tree->images, text);
    clr_free(text);
}

static void push(walk *w, const item *i)
{
    if (w->items == w->capacity) {
        w->item = clr_file_grow(w->item, (size_t)w->items * sizeof *w->item,
                                (size_t)(2 * w->capacity + 64) * sizeof *w->item);
        w->capacity = 2 * w->capacity + 64;
    }
    w->item[w->items] = *i;
    w->item[w->items++].path = clr_copy_text(i->path);
    w->links = i->links > w->links ? i->links : w->links;
    w->depth = i->depth > w->depth ? i->depth : w->depth;
}

static bool is_image(const char *name)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".jpe", ".jfif"};
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i]))
            return true;
    return false;
}

/* One entry of a folder reached with this number of links, itself depth deep. */
static clr_status visit(walk *w, const char *path, int links, int depth)
{
    const char *name = clr_file_name_of(path);
    item next = {.path = (char *)(uintptr_t)path, .links = links, .depth = depth};
    struct stat attributes;
    bool there, image = is_image(name);

    if (clr_word_is_dropping(name)) {
        clr_tree_count_one(&w->tree->droppings, path);
        return CLR_OK;
    }
    char *full = clr_text("%s/%s", w->tree->top, path);
    clr_status st = clr_file_stat(full, true, &attributes, &there);
    if (st == CLR_OK && !there && image)
        st = clr_fail(CLR_EIO, "was there when its folder was listed, and no longer is: something changes the tree");
    bool link = st == CLR_OK && there && S_ISLNK(attributes.st_mode);
    if (link) {
        st = clr_file_stat(full, false, &attributes, &there);
        next.links++;
    }
    if (st != CLR_OK)
        clr_fail_in(st, "%s", full);
    clr_free(full);
    if (st != CLR_OK || (!there && !link))
        return st;
    next.folder = there && S_ISDIR(attributes.st_mode);
    next.dev = attributes.st_dev, next.ino = attributes.st_ino;
    if (next.folder || (there && link && image)) {
        push(w, &next);
    } else if (!there) {
        clr_tree_count_one(image ? &w->tree->lost : &w->tree->nowhere, path);
        if (image)
            add_image(w, path, CLR_TREE_LOST); /* reading it says what is wrong */
    } else if (!image) {
        clr_tree_pass(w->tree, path);
    } else if (met(w, attributes.st_dev, attributes.st_ino) && (links || attributes.st_nlink > 1)) {
        clr_tree_count_one(&w->tree->twice, path);
    } else {
        add_image(w, path, CLR_TREE_WHOLE);
    }
    return CLR_OK;
}

/* A folder, or the file that a link leads to. Where no link is on the way nothing can be met twice but by hard links:
   inodes that a file system makes up as it goes then do no harm. */
static clr_status enter(walk *w, item i)
{
    clr_names names = {0};
    bool again = met(w, i.dev, i.ino) && i.links;

    if (!i.folder) {
        if (again)
            clr_tree_count_one(&w->tree->twice, i.path);
        else
            add_image(w, i.path, CLR_TREE_WHOLE);
        return CLR_OK;
    }
    if (again) {
        clr_tree_count_one(&w->tree->back, i.path);
        return CLR_OK;
    }
    char *full = *i.path ? clr_text("%s/%s", w->tree->top, i.path) : clr_copy_text(w->tree->top);
    clr_status st = clr_file_names(full, &names);
    if (st != CLR_OK)
        clr_fail_in(st, "%s", full);
    for (int64_t k = 0; st == CLR_OK && k < names.count; k++) {
        char *path = clr_text("%s%s%s", i.path, *i.path ? "/" : "", names.name[k]);
        st = visit(w, path, i.links, i.depth + 1);
        clr_free(path);
    }
    clr_names_free(&names);
    clr_free(full);
    if (clr_seconds() >= w->next_word) {
        if (w->next_word > 0)
            clr_progress("%s: %lld images found so far", w->tree->top, (long long)w->tree->images.count);
        w->next_word = clr_seconds() + 10;
    }
    return st;
}

/* Marks the folders above top as met, because a link to one of them would lead in a circle. A folder that cannot be
   looked at cannot be entered either. */
static void meet_above(walk *w, const char *top)
{
    struct stat attributes, last = {0};
    bool there;
    char *path = clr_copy_text(top);

    for (int level = 0; level < 1000; level++) {
        char *up = clr_text("%s/..", path);
        clr_free(path);
        path = up;
        if (clr_file_stat(path, false, &attributes, &there) != CLR_OK || !there ||
            (level && attributes.st_ino == last.st_ino && attributes.st_dev == last.st_dev))
            break;
        met(w, attributes.st_dev, attributes.st_ino);
        last = attributes;
    }
    clr_free(path);
}

/* Order of names folder by folder: like strcmp, but a slash comes before every other character. */
static int by_names(const void *a, const void *b)
{
    const unsigned char *x = *(unsigned char *const *)a + 1, *y = *(unsigned char *const *)b + 1;

    while (*x && *x == *y)
        x++, y++;
    return (*x == '/' ? 1 : *x + (*x > 0)) - (*y == '/' ? 1 : *y + (*y > 0));
}

clr_status clr_tree_open(const char *top, clr_tree *tree)
{
    walk w = {.tree = tree};
    item first = {.path = (char[]){""}, .folder = true};
    struct stat attributes;
    bool there;

    *tree = (clr_tree){.top = clr_copy_text(top)};
    clr_status st = clr_file_stat(top, false, &attributes, &there);
    if (st == CLR_OK && !there)
        st = clr_fail(CLR_EIO, "is not there");
    if (st != CLR_OK)
        return clr_fail_in(st, "%s", top);
    first.dev = attributes.st_dev, first.ino = attributes.st_ino;
    meet_above(&w, top);
    push(&w, &first);
    for (int links = 0; st == CLR_OK && links <= w.links; links++)
        for (int depth = 0; st == CLR_OK && depth <= w.depth; depth++)
            for (int64_t i = 0; st == CLR_OK && i < w.items; i++)
                if (w.item[i].links == links && w.item[i].depth == depth)
                    st = enter(&w, w.item[i]);
    for (int64_t i = 0; i < w.items; i++)
        clr_free(w.item[i].path);
    clr_free(w.item);
    clr_free(w.seen);
    if (st == CLR_OK)
        clr_names_sort(&tree->images, by_names);
    return st;
}
