/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_IMAGE_DEPTH_H
#define CLR_IMAGE_DEPTH_H
/* Conversion of samples of 8 or 16 bits, with or without alpha, to pixels, and a survey of the depth that is lost.
   Local. */

#include "clr/image.h"

enum { CLR_DEEP = 65535, CLR_DEPTH_SEEN = (CLR_DEEP + 1) / 8 /* bytes: a bit a sample */ };

/* The layout of a row's samples, and the sample values that become black and white. Not deep: low is 0, high 255. */
typedef struct clr_scale {
    int channels; /* without alpha */
    bool alpha, deep;
    uint64_t low, high;
} clr_scale;

/* A row of width pixels, 16 bits with the high byte first, into out (width, channels). */
void clr_scale_row(const clr_scale *scale, uint8_t *out, const uint8_t *row, int width);

/* Marks the samples of 16 bits that a row has, but for those of transparent pixels. */
void clr_depth_survey(const clr_scale *scale, uint8_t *seen, const uint8_t *row, int width);

/* Fill low and high, then, with the scale that pixels are made by, samples and levels. */
void clr_depth_range(const uint8_t *seen, clr_image_info *info);
void clr_depth_count(const clr_scale *scale, const uint8_t *seen, clr_image_info *info);

#endif
