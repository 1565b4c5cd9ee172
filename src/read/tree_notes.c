/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports the entries that a walk through a tree has left out. */
#include "clr/log.h"
#include "clr/mem.h"
#include "place.h"
#include "tree.h"
#include "words.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void clr_tree_count_one(clr_tree_count *c, const char *path)
{
    if (!c->n++)
        c->first = clr_copy_text(path);
}

void clr_tree_pass(clr_tree *t, const char *path)
{
    const char *name = clr_file_name_of(path), *dot = strrchr(name, '.');
    int i = 0;

    if (clr_word_is_list(name))
        clr_tree_count_one(&t->lists, path);
    if (dot && strlen(dot) >= sizeof t->ending[0].text)
        dot = NULL;
    while (i < CLR_TREE_ENDINGS - 1 && t->ending[i].n && strcasecmp(t->ending[i].text, dot ? dot : "without"))
        i++;
    if (!t->ending[i].n)
        snprintf(t->ending[i].text, sizeof t->ending[i].text, "%s",
                 i == CLR_TREE_ENDINGS - 1 ? "others"
                 : dot                     ? dot
                                           : "without");
    t->ending[i].n++;
}

void clr_tree_close(clr_tree *tree)
{
    clr_tree_count *counts[] = {&tree->droppings, &tree->twice, &tree->back, &tree->lost, &tree->nowhere, &tree->lists};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        clr_free(counts[i]->first);
    clr_free(tree->top);
    clr_names_free(&tree->images);
    *tree = (clr_tree){0};
}

void clr_tree_say(const clr_tree *t)
{
    const clr_tree_count *c = &t->droppings;
    char text[400] = "";
    int64_t passed = 0;

    if (c->n)
        clr_info("%s: skipped %lld files or folders that are hidden or were left by a NAS, a desktop or a tool (%s)",
                 t->top, (long long)c->n, c->first);
    for (int i = 0; i < CLR_TREE_ENDINGS; i++) {
        size_t used = strlen(text);
        passed += t->ending[i].n;
        if (t->ending[i].n)
            snprintf(text + used, sizeof text - used, "%s%s %lld", used ? ", " : "", t->ending[i].text,
                     (long long)t->ending[i].n);
    }
    if (passed)
        clr_info("%s: skipped %lld files whose names do not end in .png, .jpg or .jpeg (%s)", t->top, (long long)passed,
                 text);
    for (int i = 0; i < CLR_TREE_ENDINGS; i++) {
        const char *remedy = t->ending[i].n ? clr_ending_remedy(t->ending[i].text) : NULL;
        if (remedy)
            clr_warn("%s: %lld %s files are left out: %s", t->top, (long long)t->ending[i].n, t->ending[i].text,
                     remedy);
    }
    if ((c = &t->twice)->n)
        clr_warn("%s: %lld names are second names (links) of images that are packed once (%s)", t->top, (long long)c->n,
                 c->first);
    if ((c = &t->back)->n)
        clr_warn("%s: %lld links lead to folders that are packed anyway, or to one above, and are not followed (%s)",
                 t->top, (long long)c->n, c->first);
    if ((c = &t->nowhere)->n)
        clr_warn("%s: %lld links lead nowhere (%s): is a file system not mounted?", t->top, (long long)c->n, c->first);
    if ((c = &t->lost)->n)
        clr_warn("%s: %lld of %lld images are links that lead nowhere (%s): fetch what they stand for (git annex get, "
                 "dvc pull), or mount it",
                 t->top, (long long)c->n, (long long)t->images.count, c->first);
}
