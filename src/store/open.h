/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_STORE_OPEN_H
#define CLR_STORE_OPEN_H
/* An open store, for the files that open, read and compare it. Local. */
#include "clr/mem.h"
#include "clr/store.h"

#include <string.h>

struct clr_store {
    clr_store_info info;
    char *path;
    int fd;
    bool encoded;
    clr_image_rules rules; /* of decoding */
    int64_t base;          /* of the pixels in the file */
    int64_t *offsets;      /* (n + 1) below base; NULL: i * height * width * channels */
    int32_t *shapes;       /* (n, 3); NULL: all as in info */
    int64_t *checksums;
    int32_t *labels;
    char **classes, **names;
    int64_t class_count, name_count;
};

/* Height, width and channels of image i. */
static inline void clr_store_shape(const clr_store *s, int64_t i, int32_t shape[3])
{
    if (s->shapes)
        memcpy(shape, s->shapes + 3 * i, 3 * sizeof *shape);
    else
        shape[0] = s->info.height, shape[1] = s->info.width, shape[2] = s->info.channels;
}

/* Bytes of image i in the file. */
static inline int64_t clr_store_size(const clr_store *s, int64_t i)
{
    return s->offsets ? s->offsets[i + 1] - s->offsets[i] : (int64_t)s->info.height * s->info.width * s->info.channels;
}

/* Where the bytes of image i begin in the file. */
static inline int64_t clr_store_at(const clr_store *s, int64_t i)
{
    return s->base + (s->offsets ? s->offsets[i] : i * clr_store_size(s, 0));
}

#endif
