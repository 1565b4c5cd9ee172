/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CMD_FOUND_H
#define CLR_CMD_FOUND_H
/* Counts of what image files contain beside their pixels (profiles, orientation, 16 bits). pack reports them where
   it had to assume something or where depth was lost. Local. */

#include "clr/read.h"

/* The number of files of one kind, and one of them as an example. */
typedef struct clr_found_kind {
    int64_t files;
    char *one; /* its name, freed by clr_found_close */
    int worst; /* the value that made it the example; its meaning depends on the kind */
} clr_found_kind;

typedef struct clr_found {
    int64_t images, deep; /* of all; of 16 bits a sample */
    int low, high;        /* samples of 16 bits, of all images together */
    int samples;          /* of the example of shallow */
    clr_found_kind shallow, cut, turned, profiles, cmyk,
        unmarked; /* shallow: few of 256 levels left (worst: how many) */
} clr_found;

/* rules: that example was decoded by. */
void clr_found_add(clr_found *found, const clr_image_rules *rules, const clr_example *example);

/* early: only a sample was examined, and packing has not begun. */
void clr_found_say(const clr_found *found, const clr_image_rules *rules, const char *source, bool early);
void clr_found_close(clr_found *found);

#endif
