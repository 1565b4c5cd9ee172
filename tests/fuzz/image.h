/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SIMCLR_FUZZ_IMAGE_H
#define SIMCLR_FUZZ_IMAGE_H
/* What every decoder of images is asked for. */
#include "fuzz.h"

#include "clr/image.h"
#include "clr/kind.h"

#include <stdlib.h>
#include <string.h>

/* Decodes a file by rules that its length chooses, and again into memory of the caller, which must give the same. */
static inline void decode(const uint8_t *data, size_t size)
{
    clr_image_rules rules = {
        .upright = size & 1, .stretch = size & 2, .low = size & 4 ? 100 : 0, .high = size & 4 ? 3000 : 0};
    clr_image image, again;
    clr_image_info info;

    clr_kind_of(data, size);
    if (clr_image_decode_by(data, size, &rules, &image, &info) == CLR_OK) {
        size_t bytes = (size_t)image.height * (size_t)image.width * (size_t)image.channels;
        uint8_t *capacity = malloc(2 * bytes);
        clr_image_buffer into = {capacity, capacity + bytes, bytes};
        FUZZ_CHECK(capacity && info.orientation >= 0 && info.orientation <= 8);
        FUZZ_CHECK(clr_image_decode_into(data, size, &rules, &into, &again) == CLR_OK && again.height == image.height);
        FUZZ_CHECK(!memcmp(again.pixels, image.pixels, bytes));
        into.capacity--;
        FUZZ_CHECK(clr_image_decode_into(data, size, &rules, &into, &again) != CLR_OK);
        fuzz_look(image.pixels, bytes);
        free(capacity);
        fuzz_accept();
    }
    clr_image_free(&image);
}

/* An EXIF block with this orientation; returns its bytes, 38. */
static inline size_t make_exif(uint8_t exif[38], int orientation)
{
    memcpy(exif, "II*\0\10\0\0\0\2\0\17\1\2\0\4\0\0\0abc\0\22\1\3\0\1\0\0\0\0\0\0\0\0\0\0\0", 38);
    exif[30] = (uint8_t)orientation;
    return 38;
}

#endif
