/* SPDX-License-Identifier: BSD-3-Clause */
/* Contact sheets. Small pictures are enlarged by whole factors, so that a pixel stays a square. */
#include "clr/sheet.h"

#include "clr/mem.h"

#include <string.h>

enum { GAP = 2, APART = 8, SMALLEST = 56 /* pixels: the least side of a picture on the sheet */ };

clr_sheet clr_sheet_of(int64_t cells, int columns, int parts, int size, int channels)
{
    clr_sheet s = {.columns = columns ? columns : 1,
                   .parts = parts,
                   .size = size,
                   .enlarge = size < SMALLEST ? (SMALLEST + size - 1) / size : 1};
    int side = size * s.enlarge;

    while (!columns && (int64_t)s.columns * s.columns * parts < cells)
        s.columns++;
    int rows = (int)((cells + s.columns - 1) / s.columns);
    s.image = (clr_image){.height = rows * (side + GAP) + GAP,
                          .width = s.columns * (parts * (side + GAP) + APART) - APART + GAP,
                          .channels = channels};
    return s;
}

int64_t clr_sheet_bytes(const clr_sheet *s)
{
    return (int64_t)s->image.height * s->image.width * s->image.channels;
}

void clr_sheet_open(clr_sheet *s)
{
    size_t bytes = (size_t)clr_sheet_bytes(s);

    s->image.pixels = clr_alloc(bytes, 1);
    memset(s->image.pixels, 255, bytes);
}

void clr_sheet_put(clr_sheet *s, int64_t cell, int part, const float *picture)
{
    int channels = s->image.channels, side = s->size * s->enlarge, y0 = (int)(cell / s->columns) * (side + GAP) + GAP;
    int x0 = (int)(cell % s->columns) * (s->parts * (side + GAP) + APART) + part * (side + GAP) + GAP;

    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            for (int c = 0; c < channels; c++) {
                float value = picture[((int64_t)(y / s->enlarge) * s->size + x / s->enlarge) * channels + c];
                s->image.pixels[((int64_t)(y0 + y) * s->image.width + x0 + x) * channels + c] =
                    (uint8_t)(255 * value + 0.5f);
            }
}
