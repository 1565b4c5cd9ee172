/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_READ_GZ_H
#define CLR_READ_GZ_H
/* A stream of bytes from a file that may be gzip's. Damage is CLR_EINPUT, what the file system refuses is CLR_EIO
   (after a few attempts). Messages name the path. Local. */

#include "clr/err.h"
#include "file.h"

#include <stdint.h>

typedef struct clr_gz {
    clr_file file;
    struct clr_gz_state *state; /* NULL: the file is not compressed */
    int64_t at;                 /* bytes of the content before the next one */
} clr_gz;

/* Opens it at its beginning; damage shows when it is read. */
clr_status clr_gz_open(const char *path, clr_gz *gz);
void clr_gz_close(clr_gz *gz); /* accepts a zeroed one */

/* The next bytes of the content; *have is less than bytes only where it ends. */
clr_status clr_gz_read(clr_gz *gz, void *into, int64_t bytes, int64_t *have);

/* Exactly bytes from offset at; content that ends before them is CLR_EIO: it was there. */
clr_status clr_gz_at(clr_gz *gz, void *into, int64_t bytes, int64_t at);

#endif
