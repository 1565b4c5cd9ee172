/* A tree of PNG and JPEG files, in sorted order; the folders right below its top are the classes. Links to folders are
   followed, but only one on the way down and never to a folder that is on that way, so that no tree is endless. */
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/read.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DEEPEST = 64 };

typedef struct own {
    char *top;
    char *names;       /* paths below top, one after another, each with its final 0 */
    size_t used, room;
    size_t *at;        /* where example i's begins in names */
    int32_t *label;
    int64_t room_examples;
    int64_t passed;    /* files of other kinds */
    bool flat;         /* an image lies in the top itself: there are no labels */
    int depth, links;  /* of the way down, as the walk goes */
    struct { dev_t dev; ino_t ino; } way[DEEPEST];
} own;

static void *grow(void *old, size_t bytes, size_t room)
{
    void *block = clr_alloc(room, 1);

    if (bytes)
        memcpy(block, old, bytes);
    clr_free(old);
    return block;
}

static void remember(own *o, clr_source *source, const char *path, int label)
{
    size_t bytes = strlen(path) + 1, n = (size_t)source->examples;

    if (o->used + bytes > o->room) {
        o->names = grow(o->names, o->used, 2 * (o->room + bytes));
        o->room = 2 * (o->room + bytes);
    }
    if (source->examples == o->room_examples) {
        o->room_examples = 2 * o->room_examples + 64;
        o->at = grow(o->at, n * sizeof *o->at, (size_t)o->room_examples * sizeof *o->at);
        o->label = grow(o->label, n * sizeof *o->label, (size_t)o->room_examples * sizeof *o->label);
    }
    o->at[n] = o->used;
    o->label[n] = label;
    memcpy(o->names + o->used, path, bytes);
    o->used += bytes;
    source->examples++;
}

static bool is_image(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && (!strcasecmp(dot, ".png") || !strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"));
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static clr_status walk(own *o, clr_source *source, const char *below, int label);

/* Enters the folder at path below the top, unless a link leads there that must not be followed. */
static clr_status enter(own *o, clr_source *source, const char *path, bool link, const struct stat *facts, int label)
{
    clr_status st;

    for (int i = 0; i < o->depth; i++)
        if (link && (o->links || (o->way[i].dev == facts->st_dev && o->way[i].ino == facts->st_ino))) {
            clr_warn("%s/%s: this link to a folder is not followed: %s", o->top, path,
                     o->links ? "a second one on the way" : "it leads back to a folder above");
            return CLR_OK;
        }
    if (o->depth == DEEPEST)
        return clr_fail(CLR_EINPUT, "%s/%s: folders are nested more than %d deep", o->top, path, DEEPEST);
    o->way[o->depth].dev = facts->st_dev;
    o->way[o->depth++].ino = facts->st_ino;
    o->links += link;
    st = walk(o, source, path, label);
    o->links -= link;
    o->depth--;
    return st;
}

static clr_status visit(own *o, clr_source *source, const char *path, const char *name, int label)
{
    struct stat facts, self;
    bool top = !strchr(path, '/');
    clr_status st = CLR_OK;
    char *full = clr_text("%s/%s", o->top, path);
    bool there = !stat(full, &facts);

    if (there && S_ISDIR(facts.st_mode)) {
        int64_t before = source->examples;
        bool link = !lstat(full, &self) && S_ISLNK(self.st_mode);
        st = enter(o, source, path, link, &facts, top ? source->class_count : label);
        if (st == CLR_OK && top && source->examples > before) {
            size_t n = (size_t)source->class_count++;
            source->classes = grow(source->classes, n * sizeof(char *), (n + 1) * sizeof(char *));
            source->classes[n] = clr_copy_text(name);
        }
    } else if (is_image(name)) {
        o->flat |= top;
        remember(o, source, path, label); /* broken links too: reading them says what is wrong */
    } else {
        o->passed++;
    }
    clr_free(full);
    return st;
}

static clr_status walk(own *o, clr_source *source, const char *below, int label)
{
    struct dirent **entry = NULL;
    clr_status st = CLR_OK;
    char *folder = clr_text("%s%s%s", o->top, *below ? "/" : "", below);
    int n = scandir(folder, &entry, not_hidden, by_bytes);

    if (n < 0)
        st = clr_fail(CLR_EIO, "%s: cannot be listed: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (st == CLR_OK) {
            char *path = clr_text("%s%s%s", below, *below ? "/" : "", entry[i]->d_name);
            st = visit(o, source, path, entry[i]->d_name, label);
            clr_free(path);
        }
        free(entry[i]);
    }
    free(entry);
    clr_free(folder);
    return st;
}

static bool are_splits(const clr_source *source)
{
    for (int i = 0; i < source->class_count; i++)
        if (strcmp(source->classes[i], "train") && strcmp(source->classes[i], "val") && strcmp(source->classes[i], "test"))
            return false;
    return source->class_count > 0;
}

static clr_status open_(const char *path, const char *split, clr_source *source)
{
    own *o = source->own = CLR_NEW(own, 1);
    struct stat facts;

    o->top = split ? clr_text("%s/%s", path, split) : clr_copy_text(path);
    source->folder = clr_copy_text(o->top);
    if (stat(o->top, &facts) || !S_ISDIR(facts.st_mode))
        return clr_fail(CLR_EINPUT, "%s: is not a folder%s", o->top,
                        split ? "; for a tree of images --split names a folder below SRC" : "");
    clr_status st = enter(o, source, "", false, &facts, -1);
    if (st != CLR_OK)
        return st;
    if (o->flat) {
        for (int i = 0; i < source->class_count; i++)
            clr_free(source->classes[i]);
        clr_free(source->classes);
        if (source->class_count)
            clr_warn("%s: images lie in it and in folders below it: packed without labels", o->top);
        source->classes = NULL;
        source->class_count = 0;
    }
    if (!split && are_splits(source))
        return clr_fail(CLR_EUSAGE, "%s: holds the parts of a dataset, not its classes; --split=%s packs that part", path, source->classes[0]);
    if (o->passed)
        clr_info("%s: passed over what is not named .png, .jpg or .jpeg: %lld", o->top, (long long)o->passed);
    return source->examples ? CLR_OK : clr_fail(CLR_EINPUT, "%s: holds no .png, .jpg or .jpeg files", o->top);
}

static bool probe(const char *path)
{
    return clr_file_is_folder(path);
}

static clr_status read_(clr_source *source, int64_t i, clr_example *example)
{
    const own *o = source->own;
    char *full = clr_text("%s/%s", o->top, o->names + o->at[i]);

    *example = (clr_example){.label = o->flat ? -1 : o->label[i], .name = clr_copy_text(o->names + o->at[i])};
    clr_status st = clr_file_read(full, &example->encoded, &example->encoded_bytes);
    if (st == CLR_OK)
        st = clr_image_decode(example->encoded, (size_t)example->encoded_bytes, &example->image);
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

    clr_free(o->top);
    clr_free(o->names);
    clr_free(o->at);
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
