/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_READ_PLACE_H
#define CLR_READ_PLACE_H
/* SRC as it is looked at once, for all readers: a folder's names, or a file's first bytes. Local. */

#include "clr/err.h"
#include "file.h"

typedef struct clr_place {
    const char *path; /* not owned */
    bool folder;
    clr_names names;   /* of the folder */
    uint8_t head[512]; /* of the file, decompressed where it is gzip's; zeros where it is shorter */
    int64_t head_bytes, bytes;
    bool damaged; /* gzip's, but head could not be filled */
} clr_place;

/* CLR_EIO where nothing is at path; CLR_EINPUT where it is neither folder nor file. Messages name path. */
clr_status clr_place_open(const char *path, clr_place *place);
void clr_place_close(clr_place *place); /* accepts a zeroed one */

/* The folder's name equal to this one, capital or small, or NULL. */
const char *clr_place_find(const clr_place *place, const char *name);

/* What a place is that no reader takes, or whose folders hold no image: CLR_EINPUT saying what it looks like and what
   to do. known: what the readers take. */
clr_status clr_place_foreign(const clr_place *place, const char *known);

/* What to do with files of this ending (".bmp", ".npz"), which no reader takes, or NULL where nothing is known of it.
 */
const char *clr_ending_remedy(const char *ending);

#endif
