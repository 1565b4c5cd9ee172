/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_READ_TREE_H
#define CLR_READ_TREE_H
/* The image files below a folder. Each file is there once, known by device and inode: of several names (hard links,
   links) the one with the fewest links on its way counts, then the one less deep, then the first in the order of names.
   Links are followed, to any depth, but not to what is above the folder. Local. */

#include "clr/err.h"
#include "file.h"

typedef struct clr_tree_count {
    int64_t n;
    char *first; /* the first one's path, owned */
} clr_tree_count;

enum { CLR_TREE_ENDINGS = 24 };

typedef struct clr_tree {
    char *top;
    clr_names images; /* CLR_TREE_WHOLE or _LOST, then the path below top; in the order of names, folder by folder */
    clr_tree_count droppings, twice, back, lost, nowhere, lists;
    struct {
        char text[12];
        int64_t n;
    } ending[CLR_TREE_ENDINGS]; /* of files that are no images; the last one: of all others */
} clr_tree;

enum { CLR_TREE_WHOLE = ' ', CLR_TREE_LOST = '?' /* a link that leads nowhere */ };

/* Whatever the file system refuses ends it: CLR_EIO. Messages name the path. */
clr_status clr_tree_open(const char *top, clr_tree *tree);
void clr_tree_close(clr_tree *tree); /* accepts a zeroed one */

/* Notes one more path of a kind; and a file that is no image. */
void clr_tree_count_one(clr_tree_count *count, const char *path);
void clr_tree_pass(clr_tree *tree, const char *path);

/* Says what was passed over, and why. */
void clr_tree_say(const clr_tree *tree);

#endif
