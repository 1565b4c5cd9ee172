/* A tree of PNG and JPEG files, in the order of names; folders are its classes (layout.h). */
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/read.h"
#include "file.h"
#include "layout.h"
#include "level.h"
#include "place.h"
#include "tree.h"
#include "words.h"

#include <string.h>
#include <unistd.h>

enum { WRAPPINGS = 4 };

typedef struct own {
    clr_tree tree;
    int32_t *label; /* NULL: none */
} own;

static bool probe(const clr_place *place)
{
    return place->folder;
}

/* The folders in a folder, but for droppings; those named like parts only, or all. */
static clr_status folders_of(const char *folder, bool parts, clr_names *folders)
{
    clr_names all;
    clr_status st = clr_file_names(folder, &all);
    char rest[CLR_WORD_REST];

    *folders = (clr_names){0};
    if (st != CLR_OK)
        clr_fail_in(st, "%s", folder);
    for (int64_t i = 0; st == CLR_OK && i < all.count; i++) {
        const char *name = all.name[i];
        struct stat facts;
        bool there;
        if (clr_word_is_dropping(name) || (parts && !clr_word_is_part(clr_word_of(name, (int)strlen(name), rest))))
            continue;
        char *path = clr_text("%s/%s", folder, name);
        if ((st = clr_file_facts(path, false, &facts, &there)) == CLR_OK && there && S_ISDIR(facts.st_mode))
            clr_names_add(folders, name);
        if (st != CLR_OK)
            clr_fail_in(st, "%s", path);
        clr_free(path);
    }
    clr_names_free(&all);
    clr_names_sort(folders, NULL);
    return st;
}

/* Of these folders the one that answers --split; the one to go through on the way to it, where none does; NULL: neither. */
static clr_status choose(const char *folder, const clr_names *folders, const char *split, const char **found, const char **through)
{
    char rest[CLR_WORD_REST];
    int best = 0;

    *found = *through = NULL;
    for (int64_t i = 0; i < folders->count; i++) {
        const char *name = folders->name[i];
        int answers = clr_word_answers(name, split);
        if (answers && answers == best)
            return clr_fail(CLR_EUSAGE, "%s: --split=%s may be %s or %s: which one?", folder, split, *found, name);
        if (answers > best)
            best = answers, *found = name;
        if (folders->count == 1 || (!*through && clr_word_of(name, (int)strlen(name), rest) == CLR_WORD_IMAGES))
            *through = name;
    }
    return CLR_OK;
}

/* Whether a way leads up. */
static bool leads_up(const char *way)
{
    for (const char *part = way; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (!strncmp(part, "..", 2) && (!part[2] || part[2] == '/'))
            return true;
    return false;
}

/* The folder of a part: below SRC, or below the folder that wraps everything; *top is freed by clr_free, NULL: there is none. */
static clr_status find_part(const char *src, const char *split, char **top)
{
    char *folder = clr_text("%s/%s", src, split);
    struct stat facts;
    bool there;
    clr_status st = clr_file_facts(folder, false, &facts, &there);

    *top = NULL;
    if (st != CLR_OK)
        clr_fail_in(st, "%s", folder);
    if (st == CLR_OK && there && S_ISDIR(facts.st_mode)) {
        *top = folder;
        return CLR_OK;
    }
    if (st == CLR_OK && !there && clr_file_facts(folder, true, &facts, &there) == CLR_OK && there)
        st = clr_fail(CLR_EIO, "%s: is a link that leads nowhere: is a file system not mounted?", folder);
    clr_free(folder);
    folder = clr_copy_text(src);
    for (int level = 0; st == CLR_OK && !*top && level < WRAPPINGS; level++) {
        const char *found = NULL, *through = NULL;
        clr_names folders;
        if ((st = folders_of(folder, false, &folders)) == CLR_OK)
            st = choose(folder, &folders, split, &found, &through);
        if (st == CLR_OK && found)
            *top = clr_text("%s/%s", folder, found);
        char *next = st == CLR_OK && through ? clr_text("%s/%s", folder, through) : NULL;
        clr_names_free(&folders);
        clr_free(folder);
        folder = next;
        if (!next)
            break;
    }
    clr_free(folder);
    return st;
}

/* Labels and classes, from the layout. */
static void label(own *o, const clr_layout *layout, clr_source *source)
{
    const char *last = NULL;
    int64_t n = o->tree.images.count;
    int room = 0, k = -1, bytes = 0;

    o->label = CLR_NEW(int32_t, n);
    for (int64_t i = 0; i < n; i++) {
        int length;
        bool leaf;
        const char *name = clr_level_component(o->tree.images.name[i] + 1, layout->base, &length, &leaf);
        if (!last || length != bytes || strncmp(name, last, (size_t)bytes)) {
            if (++k == room) {
                source->classes = clr_file_grow(source->classes, (size_t)room * sizeof(char *), (size_t)(2 * room + 16) * sizeof(char *));
                source->per_class = clr_file_grow(source->per_class, (size_t)room * sizeof(int64_t), (size_t)(2 * room + 16) * sizeof(int64_t));
                room = 2 * room + 16;
            }
            source->classes[k] = clr_text("%.*s", length, name);
            last = name, bytes = length;
        }
        o->label[i] = k;
        source->per_class[k]++;
    }
    source->class_count = k + 1;
}

/* Lists of labels are not read: whoever has one should know. */
static void mention_lists(const clr_place *place, const clr_tree *tree)
{
    const char *list = tree->lists.first;

    for (int64_t i = 0; !list && i < place->names.count; i++)
        if (clr_word_is_list(place->names.name[i]))
            list = place->names.name[i];
    if (list)
        clr_warn("%s: labels that %s may list are not read; folders named after the classes would give them", place->path, list);
}

static clr_status open_(const clr_place *place, const clr_read_how *how, clr_source *source)
{
    own *o = source->own = CLR_NEW(own, 1);
    bool unlabelled = how->unlabelled, as_is = how->split && !strcmp(how->split, ".");
    clr_layout layout = {.src = place->path, .split = how->split, .as_is = as_is};
    char *top = NULL;
    clr_status st = CLR_OK;

    if (how->split && leads_up(how->split))
        return clr_fail(CLR_EUSAGE, "--split=%s: names no folder below SRC", how->split);
    if (how->split && !as_is) {
        st = find_part(place->path, how->split, &top);
        if (st == CLR_OK && !top)
            layout.inner = how->split, layout.split = NULL;
    } else if (!as_is && !unlabelled) {
        clr_names parts;
        if ((st = folders_of(place->path, true, &parts)) == CLR_OK)
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

/* Of a link that led nowhere when the tree was walked: CLR_OK where it leads somewhere now. */
static clr_status look_again(const char *full)
{
    struct stat facts;
    bool there;
    char target[400];
    clr_status st = clr_file_facts(full, false, &facts, &there);
    ssize_t n = there || st != CLR_OK ? -1 : readlink(full, target, sizeof target);

    if (st != CLR_OK || there)
        return st;
    return clr_fail(CLR_EINPUT, "is a link to %.*s, which is not there: fetch it (git annex get, dvc pull), or mount what it lies on",
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
