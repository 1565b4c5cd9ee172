/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_READ_LEVEL_H
#define CLR_READ_LEVEL_H
/* The folders at one depth of a tree of images, and what their names say together. Local; no file is touched. */

#include "tree.h"
#include "words.h"

typedef struct clr_child {
    const char *name; /* length bytes */
    int length;
    int64_t images, direct; /* in it, and not deeper */
    clr_word means;
    char rest[CLR_WORD_REST];
} clr_child;

typedef struct clr_level {
    clr_child *child;                  /* freed by clr_free */
    int64_t children, capacity, loose; /* loose: images on the level itself */
} clr_level;

/* The component number n of a path, which need not end it: its first byte, *length its bytes; *last where it is the
   file's name. */
const char *clr_level_component(const char *path, int n, int *length, bool *last);

/* The folders at this depth; names are together because paths are sorted. Only for trees whose images share the way
   there. */
void clr_level_survey(const clr_tree *tree, int base, clr_level *l);

/* The names of the folders on a level, some of them. */
void clr_level_names(const clr_level *l, char *text, size_t capacity);

/* The folder to pack first where folders are no classes: training images before others, images before masks and
   labels. */
const clr_child *clr_level_first(const clr_level *l);

/* Whether two siblings differ in their meaning alone: train and test, plant_images and plant_masks. Words that might
   mean something else
   ("tr" and "te" among languages) count where no other folder is there; complete: whether l has all folders. */
bool clr_level_related(const clr_level *l, bool complete);

/* Whether all of them mean this and nothing else. */
bool clr_level_all(const clr_level *l, clr_word means);

/* "train" among cars and planes: a vehicle too, where its images lie just as theirs do. */
bool clr_level_vehicle(const clr_level *l, const clr_child *c);

#endif
