/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_READ_LAYOUT_H
#define CLR_READ_LAYOUT_H
/* Which folders of a tree are classes. Local; no file is touched. */

#include "clr/err.h"
#include "tree.h"

typedef struct clr_layout {
    const char *src, *split; /* as the user gave them, for messages; split may be NULL. Not owned */
    const char *inner;       /* only images of the part of this name inside each class; NULL: all. Not owned */
    bool as_is;              /* every folder below the top is a class, whatever it is called */
    int base;                /* out: the number of folders on the way to the classes' folders */
    bool labelled;           /* out */
} clr_layout;

/* Finds the classes of a tree's images, some of which inner may take out of it. CLR_EUSAGE where its folders are parts
   of a dataset, or folders beside the images, and no classes; the message says what to give instead. */
clr_status clr_layout_find(clr_tree *tree, clr_layout *layout);

/* The same refusal at a glance, before the tree is walked: folders are those of top whose names mean parts. */
clr_status clr_layout_glance(const char *top, const clr_names *folders, clr_layout *layout);

#endif
