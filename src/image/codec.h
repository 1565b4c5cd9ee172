/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_IMAGE_CODEC_H
#define CLR_IMAGE_CODEC_H
/* What the decoders share. */

#include "clr/image.h"

/* The destination of pixels: the caller's memory of capacity bytes, or where into is NULL a new block of clr_alloc. */
typedef struct target {
    uint8_t *into, *spare;
    size_t capacity;
    const clr_image_rules *rules;
    clr_image *image;
    clr_image_info *info;
} target;

/* Checks the size a header claims and gives image its pixels. working: bytes that the decoder takes beside them.
   Where several threads decode, each may take its share of the memory, and as much again for what it has decoded
   before: else CLR_EMEMORY. */
clr_status clr_image_place(target *to, int64_t height, int64_t width, int channels, size_t working);

/* Local. From a file's bytes to pixels, as clr_image_decode. */
clr_status clr_png_decode(const uint8_t *bytes, size_t length, target *to);
/* Local. From a file's bytes to pixels, as clr_image_decode. */
clr_status clr_jpeg_decode(const uint8_t *bytes, size_t length, target *to);
/* The orientation in an EXIF block (a TIFF header, then directories): 1 to 8, or 0 where there is none. Reads
   nothing beyond length. */
int clr_exif_orientation(const uint8_t *tiff, size_t length);

/* Whether a profile's or its name's bytes have "sRGB" in them, as 8-bit or 16-bit text. */
bool clr_says_srgb(const uint8_t *bytes, size_t length);

/* image as orientation says, into out's pixels, which are there: height and width change places for 5 to 8. */
void clr_image_turn(const clr_image *image, int orientation, clr_image *out);

const char *clr_jpeg_library(void); /* ", libjpeg 6.2", or "" where it is not built in */

#endif
