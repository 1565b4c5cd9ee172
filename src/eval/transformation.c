/* SPDX-License-Identifier: BSD-3-Clause */
/* The transformations of Table 3. The noise has a deviation drawn up to 0.1: the smallest are less than half a step of
   8 bits, and no network can see them. */
#include "clr/transformation.h"

#include "clr/mem.h"
#include "clr/tensor.h"

#include <string.h>

typedef struct kind {
    const char *name;
    int classes;
    const char *class_name[CLR_TRANSFORMATION_CLASSES], *operators[CLR_TRANSFORMATION_CLASSES];
    double share[CLR_TRANSFORMATION_CLASSES];
} kind;

static const kind kinds[] = {{"gray", 2, {"colour", "gray"}, {"none", "gray:1"}, {0.8, 0.2}},
                             {"rotate",
                              4,
                              {"0", "90", "180", "270"},
                              {"none", "rotate:90", "rotate:180", "rotate:270"},
                              {0.25, 0.25, 0.25, 0.25}},
                             {"noise", 2, {"clean", "noise"}, {"none", "noise"}, {0.5, 0.5}},
                             {"sobel", 2, {"original", "sobel"}, {"none", "sobel:1"}, {0.5, 0.5}}};

static const kind *kind_of(const char *word)
{
    for (size_t i = 0; i < CLR_COUNT(kinds); i++)
        if (!strcmp(word, kinds[i].name))
            return &kinds[i];
    return NULL;
}

clr_status clr_transformation_check(const char *word)
{
    return kind_of(word)
               ? CLR_OK
               : clr_fail(CLR_EUSAGE, "--predict=%s: must be class, or a transformation: " CLR_TRANSFORMATION_WORDS,
                          word);
}

/* The list without the operator of that name, then those of `text`. */
static clr_status view_of(const clr_augment *list, const char *name, const char *text, clr_augment *view)
{
    clr_augment added;
    clr_status st = clr_augment_parse(text, &added);

    *view = (clr_augment){0};
    for (int i = 0; i < list->steps; i++)
        if (strcmp(list->step[i].op->name, name))
            view->step[view->steps++] = list->step[i];
    if (st == CLR_OK && view->steps + added.steps > CLR_AUGMENT_MOST)
        return clr_fail(CLR_EUSAGE,
                        "--predict=%s: the network learned from views by %d operators; more than %d in all, with the "
                        "one to predict, are too many",
                        name, view->steps, CLR_AUGMENT_MOST);
    for (int i = 0; st == CLR_OK && i < added.steps; i++)
        view->step[view->steps++] = added.step[i];
    return st;
}

clr_status clr_transformation_of(const char *word, const char *learned_from, clr_transformation *t)
{
    const kind *k = kind_of(word);
    clr_augment list;
    clr_status st = clr_transformation_check(word);

    if (st == CLR_OK)
        st = clr_augment_parse(learned_from, &list);
    if (st != CLR_OK)
        return st;
    *t = (clr_transformation){.name = k->name, .classes = k->classes};
    memcpy(t->class_name, k->class_name, sizeof t->class_name);
    memcpy(t->share, k->share, sizeof t->share);
    for (int c = 0; c < k->classes && st == CLR_OK; c++)
        st = view_of(&list, k->name, k->operators[c], &t->view[c]);
    return st;
}

clr_transformed clr_transformed_of(const clr_transformation *by, uint64_t seed, uint64_t part, int64_t images)
{
    clr_transformed t = {by, CLR_NEW(int32_t, images), seed, part};

    for (int64_t i = 0; i < images; i++) {
        clr_rng rng = clr_rng_for(seed, part, (uint64_t)i, 0, CLR_RNG_TRANSFORMATION);
        double left = clr_rng_uniform(&rng);
        while (t.label[i] < by->classes - 1 && (left -= by->share[t.label[i]]) >= 0)
            t.label[i]++;
    }
    return t;
}
