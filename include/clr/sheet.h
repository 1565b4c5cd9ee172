/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_SHEET_H
#define CLR_SHEET_H
/* Contact sheets: cells in rows and columns, each with several pictures side by side, on white. Local. */
#include "clr/image.h"

typedef struct clr_sheet {
    clr_image image; /* the sheet; pixels: freed by clr_image_free */
    int columns;     /* of cells */
    int parts;       /* pictures of a cell */
    int size;        /* side of a picture, pixels */
    int enlarge;     /* pixels of the sheet for one pixel of a picture, to a side */
} clr_sheet;

/* The layout of a sheet of so many cells, about square where columns is 0. Takes no memory: image.pixels is NULL. */
clr_sheet clr_sheet_of(int64_t cells, int columns, int parts, int size, int channels);
int64_t clr_sheet_bytes(const clr_sheet *sheet);

/* A white sheet of this layout. */
void clr_sheet_open(clr_sheet *sheet);

/* picture (size, size, channels) in [0, 1] into part `part` of cell `cell`. */
void clr_sheet_put(clr_sheet *sheet, int64_t cell, int part, const float *picture);

#endif
