/* SPDX-License-Identifier: BSD-3-Clause */
/* PNG: what libpng's rows become. */
#include "png_rows.h"

#include <string.h>

void clr_png_palette(png_structp png, png_infop info, clr_png_recipe *how)
{
    uint8_t entry[CLR_PALETTE][4];
    png_colorp palette = NULL;
    png_bytep alpha = NULL;
    int alphas = 0;

    png_get_PLTE(png, info, &palette, &how->colors);
    png_get_tRNS(png, info, &alpha, &alphas, NULL);
    for (int i = 0; i < how->colors; i++)
        memcpy(entry[i], (uint8_t[]){palette[i].red, palette[i].green, palette[i].blue, i < alphas ? alpha[i] : 255},
               4);
    clr_scale_row(&(clr_scale){3, true, false, 0, 255}, how->color[0], entry[0], how->colors);
}

clr_status clr_png_put(const clr_png_recipe *how, uint8_t *out, const uint8_t *raw, int width)
{
    if (!how->numbered) {
        clr_scale_row(&how->scale, out, raw, width);
        return CLR_OK;
    }
    for (int x = 0; x < width; x++, out += 3) {
        if (raw[x] >= how->colors)
            return clr_fail(CLR_EINPUT, "damaged PNG: a pixel has colour number %d of a palette of %d", raw[x],
                            how->colors);
        memcpy(out, how->color[raw[x]], 3);
    }
    return CLR_OK;
}
