#ifndef CLR_IMAGE_H
#define CLR_IMAGE_H
/* Pictures in memory: decoded from PNG and JPEG bytes, written as PNG. Local; safe on several threads. */

#include "clr/err.h"

#include <stddef.h>
#include <stdint.h>

/* 8-bit, (height, width, channels), channels 1 (gray) or 3 (RGB). */
typedef struct clr_image {
    int height, width, channels;
    uint8_t *pixels; /* height * width * channels, freed by clr_image_free */
} clr_image;

void clr_image_free(clr_image *image); /* accepts a zeroed one */

/* Refused above these: decompression bombs. */
enum { CLR_IMAGE_SIDE = 32768, CLR_IMAGE_PIXELS = 1 << 27 };

/* Decodes a whole PNG or JPEG file held in memory, told apart by its first bytes, not by its name. Every colour
   type, bit depth and interlace; 16 bits are rounded to 8; alpha over white; gray stays gray. Everything is decoded
   to the end: truncation and bad checksums are CLR_EINPUT with the reason (the caller names the file). */
clr_status clr_image_decode(const uint8_t *bytes, size_t length, clr_image *image);

/* The same into memory of the caller with room bytes; image->pixels is into (not to be freed). A picture that takes more is
   CLR_EINPUT. */
clr_status clr_image_decode_into(const uint8_t *bytes, size_t length, uint8_t *into, size_t room, clr_image *image);

/* The picture with its shorter side at most shorter pixels (aspect kept, box average); a copy where it is smaller. */
void clr_image_shrink(const clr_image *image, int shorter, clr_image *out);

/* path is written under a temporary name and renamed (output.h). */
clr_status clr_image_write_png(const char *path, const clr_image *image);

const char *clr_image_libraries(void); /* "libpng 1.6.39, libjpeg 6.2" or "libpng 1.6.39" */

#endif
