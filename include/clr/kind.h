/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_KIND_H
#define CLR_KIND_H
/* What a file is by its first bytes, for messages about files that are not what their names say. Local; safe on
   several threads. */

#include "clr/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLR_KIND_HEAD = 1024 /* bytes that tell all kinds apart; fewer tell some of them */ };

typedef enum clr_kind_class {
    CLR_KIND_READ,    /* PNG and JPEG */
    CLR_KIND_FOREIGN, /* other images */
    CLR_KIND_HOLDER,  /* what images may lie in: archives and the like */
    CLR_KIND_LOST,    /* stands in the place of the file that was meant, whatever that was */
    CLR_KIND_OTHER,
} clr_kind_class;

typedef struct clr_kind {
    const char *name; /* "a WebP image": follows "is" */
    clr_kind_class of;
    const char *remedy; /* where an image is wanted: "convert it to PNG or JPEG" */
} clr_kind;

/* NULL where the bytes say nothing. All kinds are constants. */
const clr_kind *clr_kind_of(const uint8_t *head, size_t length);

/* Before path is opened as HDF5: CLR_EINPUT, naming what it is and the remedy, where it is a folder, an empty file,
   or one whose first bytes say that it is something else. CLR_OK where nothing speaks against it, and where it cannot
   be read, which opening it will say. dataset: one of simclr pack is wanted, else a checkpoint. */
clr_status clr_kind_check(const char *path, bool dataset);

#endif
