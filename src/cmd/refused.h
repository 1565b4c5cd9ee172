/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CMD_REFUSED_H
#define CLR_CMD_REFUSED_H
/* The list of images that pack could not take, with the reasons: OUT.bad.tsv beside OUT.h5. Local. */

#include "clr/err.h"

#include <stdint.h>
#include <stdio.h>

typedef struct clr_refused {
    char *path;
    FILE *list; /* NULL as long as no image was refused */
    int64_t images;
} clr_refused;

/* Writes nothing yet. Closed by clr_refused_close. */
clr_refused clr_refused_open(const char *out);

/* Adds an image. CLR_EIO where the list cannot be written. */
clr_status clr_refused_add(clr_refused *refused, const char *name, const char *why);

/* After the last image: CLR_EIO where the list is not whole on the disk. */
clr_status clr_refused_end(clr_refused *refused);

/* Removes the list of an earlier attempt where this one has none. */
void clr_refused_none(const clr_refused *refused);

/* Frees what refused holds. */
void clr_refused_close(clr_refused *refused);

#endif
