#ifndef CLR_IMAGE_CODEC_H
#define CLR_IMAGE_CODEC_H
/* What the decoders share. */

#include "clr/image.h"

/* Where pixels go: memory of the caller with room bytes, or (into NULL) a block of clr_alloc. */
typedef struct target {
    uint8_t *into;
    size_t room;
    clr_image *image;
} target;

/* Checks the size a header claims and gives image its pixels. working: bytes that the decoder takes beside them. Where several threads
   decode, each may take its share of the memory, and as much again for what it has decoded before: else CLR_EMEMORY. */
clr_status clr_image_place(target *to, int64_t height, int64_t width, int channels, size_t working);

clr_status clr_png_decode(const uint8_t *bytes, size_t length, target *to);
clr_status clr_jpeg_decode(const uint8_t *bytes, size_t length, target *to);
const char *clr_jpeg_library(void); /* ", libjpeg 6.2", or "" where it is not built in */

#endif
