/* SPDX-License-Identifier: BSD-3-Clause */
/* The folders on one level, judged together by their names (words.h) and by where the images lie: a folder that is the
   only one, or one of folders that only hold images, is passed through; parts of a dataset and folders of masks or
   labels are refused; else they are classes. */
#include "layout.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "level.h"

#include <stdio.h>
#include <string.h>

/* The path from SRC to a folder on the level, as --split takes it. */
static char *way_to(const clr_tree *tree, const clr_layout *layout, const clr_child *c)
{
    const char *path = layout->base ? tree->images.name[0] + 1 : "";
    int length = 0, before = 0;
    bool last;

    for (int i = 0; i < layout->base; i++)
        before = (int)(clr_level_component(path, i, &length, &last) - path) + length + 1;
    return clr_text("%s%s%.*s%.*s", layout->split ? layout->split : "", layout->split ? "/" : "", before, path,
                    c->length, c->name);
}

static clr_status refuse(const clr_tree *tree, const clr_layout *layout, const clr_level *l)
{
    char names[300];
    const clr_child *c = clr_level_first(l);
    char *way = way_to(tree, layout, c);
    bool parts = false;

    for (int64_t i = 0; i < l->children; i++)
        parts |= clr_word_is_part(l->child[i].means);
    clr_level_names(l, names, sizeof names);
    if (layout->inner)
        clr_fail(CLR_EINPUT, "%s: has no part %s (there are: %s); --split names a folder below SRC", layout->src,
                 layout->inner, names);
    else
        clr_fail(CLR_EUSAGE,
                 "%s: holds %s, not its classes; --split=%s packs that %s (there are: %s); --labels=none packs them "
                 "all, without "
                 "labels; --split=. takes each for a class",
                 tree->top, parts ? "the parts of a dataset" : "folders of images and of what belongs to them", way,
                 parts ? "part" : "folder", names);
    clr_free(way);
    return layout->inner ? CLR_EINPUT : CLR_EUSAGE;
}

/* Whether the folders of a level, of which there is more than one, or one beside images, are no classes. */
static bool are_no_classes(const clr_tree *tree, const clr_level *l)
{
    if (clr_level_related(l, true) || clr_level_all(l, CLR_WORD_FOLD))
        return true;
    for (int64_t i = 0; i < l->children; i++) {
        const clr_child *c = &l->child[i];
        if (!clr_word_is_sure(c->name, c->length))
            continue;
        if (!clr_level_vehicle(l, c))
            return true;
        clr_warn("%s: %.*s is taken for a class, not for a part of the dataset, because it lies among vehicles; "
                 "--split=%.*s packs it alone",
                 tree->top, c->length, c->name, c->length, c->name);
    }
    return false;
}

/* Whether folders inside the classes need a decision: parts of a class, or masks beside its images. Then *inside has
   the folders of the first such class, which is at *class; else inside is empty. */
static bool parted_inside(const clr_tree *tree, int base, clr_level *inside, const char **class)
{
    int64_t from = 0, n = tree->images.count;

    for (int64_t to = 1; to <= n; to++) {
        int a, b;
        bool last, beside = false;
        const char *one = clr_level_component(tree->images.name[from] + 1, base, &a, &last);
        const char *two = to < n ? clr_level_component(tree->images.name[to] + 1, base, &b, &last) : NULL;
        if (two && a == b && !strncmp(one, two, (size_t)a))
            continue;
        clr_tree part = {.top = tree->top, .images = {.name = tree->images.name + from, .count = to - from}};
        clr_level_survey(&part, base + 1, inside);
        for (int64_t i = 0; inside->loose && i < inside->children; i++)
            beside |= inside->child[i].means == CLR_WORD_BESIDE && !*inside->child[i].rest;
        *class = tree->images.name[from] + 1;
        if (beside || clr_level_related(inside, true))
            return true;
        clr_free(inside->child);
        from = to;
    }
    *inside = (clr_level){0};
    return false;
}

/* Keeps only the images in a part inside each class. */
static void keep_inner(clr_tree *tree, const clr_layout *layout)
{
    int best = 1;
    int64_t kept = 0, n = tree->images.count;

    for (int pass = 0; pass < 2; pass++) /* how well the best name matches; then all names that match as well */
        for (int64_t i = 0; i < n; i++) {
            int length;
            bool last;
            const char *name = clr_level_component(tree->images.name[i] + 1, layout->base + 1, &length, &last);
            char *text = clr_text("%.*s", length, name);
            int answers = last ? 0 : clr_word_answers(text, layout->inner);
            clr_free(text);
            if (pass && answers == best)
                tree->images.name[kept++] = tree->images.name[i];
            else if (!pass && answers > best)
                best = answers;
        }
    tree->images.count = kept;
}

static clr_status classes_here(clr_tree *tree, clr_layout *layout)
{
    clr_level inside;
    const char *class;
    clr_status st = CLR_OK;

    layout->labelled = true;
    if (layout->inner) {
        keep_inner(tree, layout);
        return CLR_OK;
    }
    if (parted_inside(tree, layout->base, &inside, &class)) {
        char names[300];
        int length;
        bool last;
        const clr_child *c = clr_level_first(&inside);
        const char *name = clr_level_component(class, layout->base, &length, &last);
        clr_level_names(&inside, names, sizeof names);
        if (inside.loose)
            st = clr_fail(CLR_EUSAGE,
                          "%s: its folder %.*s holds images and folders of another kind (%s): move those away; "
                          "--split=. packs all "
                          "of them together",
                          tree->top, length, name, names);
        else
            st = clr_fail(CLR_EUSAGE,
                          "%s: its folder %.*s holds parts of its own (%s); --split=%.*s packs that part of every "
                          "folder; --split=. "
                          "packs all of them together",
                          tree->top, length, name, names, c->length, c->name);
    }
    clr_free(inside.child);
    return st;
}

static void no_labels(const clr_tree *tree, const clr_level *l)
{
    char names[300];

    clr_level_names(l, names, sizeof names);
    if (l->loose && l->children)
        clr_warn("%s: images lie in it and in folders below it (%s): packed without labels", tree->top, names);
    else if (l->loose)
        clr_info("%s: its images lie in one folder, not in folders of classes: packed without labels", tree->top);
    else
        clr_info("%s: its folders (%s) are no classes: packed without labels", tree->top, names);
}

clr_status clr_layout_find(clr_tree *tree, clr_layout *layout)
{
    clr_status st = CLR_OK;
    clr_level l;

    for (bool found = !tree->images.count; !found; clr_free(l.child)) {
        clr_level_survey(tree, layout->base, &l);
        bool several = l.children > 1, mixed = l.children > 0 && l.loose > 0;
        const clr_child *c = l.child;
        found = true;
        if (layout->as_is)
            layout->labelled = !l.loose;
        else if ((several || mixed) && clr_level_all(&l, CLR_WORD_IMAGES))
            no_labels(tree, &l);
        else if ((several || mixed) && are_no_classes(tree, &l))
            st = refuse(tree, layout, &l);
        else if (l.loose)
            no_labels(tree, &l);
        else if (!several && (c->means != CLR_WORD_OTHER || !c->direct)) {
            clr_info("%s: all images lie in %.*s, which is no class", tree->top, c->length, c->name);
            layout->base++;
            found = false;
        } else
            st = classes_here(tree, layout);
    }
    if (st == CLR_OK && layout->inner && !(layout->labelled && tree->images.count))
        st = clr_fail(
            CLR_EINPUT,
            "%s: has no part %s, neither below it nor in its folders; for a tree of images --split names a folder "
            "below SRC",
            layout->src, layout->inner);
    return st;
}

clr_status clr_layout_glance(const char *top, const clr_names *folders, clr_layout *layout)
{
    clr_tree tree = {.top = (char *)(uintptr_t)top};
    clr_level l = {.child = CLR_NEW(clr_child, folders->count), .children = folders->count};
    clr_status st = CLR_OK;

    for (int64_t i = 0; i < folders->count; i++) {
        l.child[i] = (clr_child){.name = folders->name[i], .length = (int)strlen(folders->name[i])};
        l.child[i].means = clr_word_of(l.child[i].name, l.child[i].length, l.child[i].rest);
    }
    if (clr_level_related(&l, false))
        st = refuse(&tree, layout, &l);
    clr_free(l.child);
    return st;
}
