/* SPDX-License-Identifier: BSD-3-Clause */
#include "level.h"

#include "clr/mem.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *clr_level_component(const char *path, int n, int *length, bool *last)
{
    const char *slash;

    for (; (slash = strchr(path, '/')) && n; n--)
        path = slash + 1;
    *last = !slash;
    *length = slash ? (int)(slash - path) : (int)strlen(path);
    return path;
}

void clr_level_survey(const clr_tree *tree, int base, clr_level *l)
{
    *l = (clr_level){0};
    for (int64_t i = 0; i < tree->images.count; i++) {
        bool last, leaf;
        int length, ignored;
        const char *path = tree->images.name[i] + 1, *name = clr_level_component(path, base, &length, &last);
        clr_child *c = l->children ? &l->child[l->children - 1] : NULL;
        if (last) {
            l->loose++;
            continue;
        }
        if (!c || c->length != length || strncmp(c->name, name, (size_t)length)) {
            if (l->children == l->capacity) {
                l->child = clr_file_grow(l->child, (size_t)l->capacity * sizeof *c,
                                         (size_t)(2 * l->capacity + 16) * sizeof *c);
                l->capacity = 2 * l->capacity + 16;
            }
            c = &l->child[l->children++];
            *c = (clr_child){.name = name, .length = length};
            c->means = clr_word_of(name, length, c->rest);
        }
        clr_level_component(path, base + 1, &ignored, &leaf);
        c->images++;
        c->direct += leaf;
    }
}

void clr_level_names(const clr_level *l, char *text, size_t capacity)
{
    size_t used = 0;

    *text = 0;
    for (int64_t i = 0; i < l->children && used < capacity; i++) {
        if (i == 8) {
            snprintf(text + used, capacity - used, ", ... (%lld)", (long long)l->children);
            return;
        }
        used += (size_t)snprintf(text + used, capacity - used, "%s%.*s", i ? ", " : "", l->child[i].length,
                                 l->child[i].name);
    }
}

const clr_child *clr_level_first(const clr_level *l)
{
    static const clr_word order[] = {CLR_WORD_TRAIN,      CLR_WORD_TRAINVAL, CLR_WORD_VAL,    CLR_WORD_TEST,
                                     CLR_WORD_UNLABELLED, CLR_WORD_FOLD,     CLR_WORD_IMAGES, CLR_WORD_OTHER};

    for (int pure = 1; pure >= 0; pure--)
        for (size_t k = 0; k < sizeof order / sizeof *order; k++)
            for (int64_t i = 0; i < l->children; i++)
                if (l->child[i].means == order[k] && (!pure || !*l->child[i].rest))
                    return &l->child[i];
    return l->child;
}

bool clr_level_related(const clr_level *l, bool complete)
{
    bool sure = complete;

    for (int64_t i = 0; i < l->children; i++)
        sure &= l->child[i].means != CLR_WORD_OTHER;
    for (int64_t i = 0; i < l->children; i++)
        for (int64_t k = 0; l->child[i].means != CLR_WORD_OTHER && k < i; k++) {
            const clr_child *a = &l->child[i], *b = &l->child[k];
            if (b->means != CLR_WORD_OTHER && b->means != a->means && !strcmp(b->rest, a->rest) &&
                (sure || clr_word_is_sure(a->name, a->length) || clr_word_is_sure(b->name, b->length)))
                return true;
        }
    return false;
}

bool clr_level_all(const clr_level *l, clr_word means)
{
    for (int64_t i = 0; i < l->children; i++)
        if (l->child[i].means != means || *l->child[i].rest)
            return false;
    return true;
}

bool clr_level_vehicle(const clr_level *l, const clr_child *c)
{
    bool others = false;

    if (c->length != 5 || strncasecmp(c->name, "train", 5))
        return false;
    for (int64_t i = 0; i < l->children; i++) {
        const clr_child *other = &l->child[i];
        if ((other->direct > 0) != (c->direct > 0) || (other != c && clr_word_is_sure(other->name, other->length)))
            return false;
        others |= clr_word_is_vehicle(other->name, other->length);
    }
    return others;
}
