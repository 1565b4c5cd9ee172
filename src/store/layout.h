/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_STORE_LAYOUT_H
#define CLR_STORE_LAYOUT_H
/* The format of a store that its writer and its reader share, beside the datasets that store.h names. */

#include "clr/hash.h"
#include "clr/image.h"

#include <string.h>

/* Attributes of the root group: "format" says what the file is, "store" is "pixels" or "encoded", "content" the
   identity. /checksums int64 (n): clr_hash of each image's bytes as stored. */
#define CLR_STORE_FORMAT "simclr-dataset-1"

/* One image's part of the identity: its bytes (through their checksum), shape and label. */
static inline uint64_t clr_store_fold(uint64_t content, uint64_t checksum, const int32_t shape[3], int32_t label)
{
    uint64_t words[3] = {checksum, (uint64_t)(uint32_t)shape[0] << 32 | (uint32_t)shape[1],
                         (uint64_t)(uint32_t)shape[2] << 32 | (uint32_t)label};
    return clr_hash(content, words, sizeof words);
}

/* The start value of the identity. An encoded store holds files, not pixels, so the decoding rules are part of its
   identity. */
static inline uint64_t clr_store_begin(bool encoded, const clr_image_rules *rules)
{
    char range[CLR_IMAGE_RANGE];
    uint64_t hash = CLR_HASH_START;

    if (encoded && (rules->stretch || rules->high)) {
        clr_image_range_text(rules, range);
        hash = clr_hash(hash, range, strlen(range));
    }
    return encoded && rules->upright ? clr_hash(hash, "apply", strlen("apply")) : hash;
}

#endif
