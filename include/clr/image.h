/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_IMAGE_H
#define CLR_IMAGE_H
/* Pictures in memory: decoded from PNG and JPEG bytes, written as PNG. Local; safe on several threads. */

#include "clr/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* 8-bit, (height, width, channels), channels 1 (gray) or 3 (RGB). */
typedef struct clr_image {
    int height, width, channels;
    uint8_t *pixels; /* height * width * channels, freed by clr_image_free */
} clr_image;

void clr_image_free(clr_image *image); /* accepts a zeroed one */

/* Refused above these: decompression bombs. */
enum { CLR_IMAGE_SIDE = 32768, CLR_IMAGE_PIXELS = 1 << 27 };

/* How a file's samples become pixels where there is a choice. Zeroed: as they are stored, 16 bits over their full
   range. */
typedef struct clr_image_rules {
    bool upright; /* the picture is turned and mirrored as its EXIF orientation says */
    bool stretch; /* 16-bit PNG: the least and the largest sample of each picture become 0 and 255 */
    /* 16-bit PNG, not stretched: the samples that become 0 and 255, and what is beyond them; high 0: 0 and 65535. */
    int low, high;
} clr_image_rules;

/* "full", "image" or "MIN-MAX" into rules, else CLR_EUSAGE; and back. text: CLR_IMAGE_RANGE characters. */
enum { CLR_IMAGE_RANGE = 16 };
clr_status clr_image_range_parse(const char *text, clr_image_rules *rules);
void clr_image_range_text(const clr_image_rules *rules, char *text);

/* What a file says of its pixels, and what its decoding assumed or lost. */
typedef struct clr_image_info {
    int orientation;     /* EXIF's, 1 (upright) to 8; 0: none, or no valid one */
    int samples, levels; /* 16-bit PNG: how many different samples, and how many different ones they became; else 0 */
    int low, high;       /* the least and the largest of these samples */
    bool profile;        /* a colour profile or gamma other than sRGB's: not applied, the samples are taken for sRGB */
    bool cmyk, unmarked; /* CMYK, converted without a profile; without Adobe's marker: taken as 0 for no ink */
} clr_image_info;

/* Decodes a whole PNG or JPEG file held in memory, told apart by its first bytes, not by its name. Every colour
   type, bit depth and interlace; 16 bits are rounded to 8; alpha over white; gray stays gray. Everything is decoded to
   the end: truncation, damage to what the pixels depend on, and numbers beyond the palette are CLR_EINPUT with the
   reason (the caller names the file). What is odd beside the pixels (data behind the picture, ancillary chunks that are
   damaged or out of place) is passed over. rules: NULL is zeroed; info may be NULL. */
clr_status clr_image_decode_by(const uint8_t *bytes, size_t length, const clr_image_rules *rules, clr_image *image,
                               clr_image_info *info);
clr_status clr_image_decode(const uint8_t *bytes, size_t length, clr_image *image); /* the same with NULL, NULL */

/* The same into memory of the caller; image->pixels is at (not to be freed). A picture of more than capacity bytes is
   CLR_EINPUT. */
typedef struct clr_image_buffer {
    uint8_t *at, *spare; /* capacity bytes each; spare is used where rules are upright, and may be NULL elsewhere */
    size_t capacity;
} clr_image_buffer;
clr_status clr_image_decode_into(const uint8_t *bytes, size_t length, const clr_image_rules *rules,
                                 const clr_image_buffer *into, clr_image *image);

/* The picture with its shorter side at most shorter pixels (aspect kept, box average); a copy where it is smaller. */
void clr_image_shrink(const clr_image *image, int shorter, clr_image *out);

/* As PNG. put: to an open file, the caller's. encode: bytes, freed by free. write: path is written under a temporary
   name and renamed (output.h). */
clr_status clr_image_put_png(FILE *file, const clr_image *image);
clr_status clr_image_encode_png(const clr_image *image, uint8_t **png, size_t *bytes);
clr_status clr_image_write_png(const char *path, const clr_image *image);

const char *clr_image_libraries(void); /* "libpng 1.6.39, libjpeg 6.2" or "libpng 1.6.39" */

#endif
