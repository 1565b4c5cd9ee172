/* SPDX-License-Identifier: BSD-3-Clause */
/* EXIF's orientation: which edge of the scene the first row and column of a stored picture show. As the eight
   symmetries of a rectangle, with (y, x) of the stored picture of height h and width w, and (v, u) of the upright one:

     1: v = y, u = x          3: v = h-1-y, u = w-1-x     5: v = x, u = y           7: v = w-1-x, u = h-1-y
     2: v = y, u = w-1-x      4: v = h-1-y, u = x         6: v = x, u = h-1-y       8: v = w-1-x, u = y

   The block is a TIFF file: a byte order, 42, the place of the first directory; a directory: a count and entries of 12
   bytes. */
#include "codec.h"

#include <string.h>

enum { HEADER = 8, ENTRY = 12, TAG = 0x0112, SHORT = 3, LONG = 4 };

static uint32_t number(const uint8_t *at, int bytes, bool big)
{
    uint32_t n = 0;

    for (int i = 0; i < bytes; i++)
        n = n << 8 | at[big ? i : bytes - 1 - i];
    return n;
}

int clr_exif_orientation(const uint8_t *tiff, size_t length)
{
    static const uint8_t prefix[] = {'E', 'x', 'i', 'f', 0, 0}; /* of JPEG; some write it into PNG too */

    if (length >= sizeof prefix && !memcmp(tiff, prefix, sizeof prefix))
        tiff += sizeof prefix, length -= sizeof prefix;
    if (length < HEADER || (memcmp(tiff, "II*\0", 4) && memcmp(tiff, "MM\0*", 4)))
        return 0;
    bool big = *tiff == 'M';
    size_t at = number(tiff + 4, 4, big);
    if (at > length || length - at < 2)
        return 0;
    size_t entries = number(tiff + at, 2, big), there = (length - at - 2) / ENTRY;
    for (size_t i = 0; i < entries && i < there; i++) {
        const uint8_t *entry = tiff + at + 2 + i * ENTRY;
        int type = (int)number(entry + 2, 2, big);
        if (number(entry, 2, big) != TAG || (type != SHORT && type != LONG) || number(entry + 4, 4, big) != 1)
            continue;
        uint32_t value = number(entry + 8, type == SHORT ? 2 : 4, big);
        return value >= 1 && value <= 8 ? (int)value : 0;
    }
    return 0;
}

bool clr_says_srgb(const uint8_t *bytes, size_t length)
{
    static const char narrow[] = "sRGB", wide[] = "s\0R\0G\0B";

    for (size_t i = 0; i + sizeof narrow - 1 <= length; i++)
        if (!memcmp(bytes + i, narrow, sizeof narrow - 1) ||
            (length - i >= sizeof wide - 1 && !memcmp(bytes + i, wide, sizeof wide - 1)))
            return true;
    return false;
}

void clr_image_turn(const clr_image *image, int orientation, clr_image *out)
{
    int h = image->height, w = image->width, channels = image->channels;
    bool across = orientation > 4;
    bool from_bottom =
        orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7; /* h-1-y in the place of y */
    bool from_right =
        orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8; /* w-1-x in the place of x */

    *out = (clr_image){across ? w : h, across ? h : w, channels, out->pixels};
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int64_t a = from_bottom ? h - 1 - y : y, b = from_right ? w - 1 - x : x;
            const uint8_t *from = image->pixels + ((int64_t)y * w + x) * channels;
            uint8_t *to = out->pixels + (across ? b * h + a : a * w + b) * channels;
            for (int c = 0; c < channels; c++)
                to[c] = from[c];
        }
}
