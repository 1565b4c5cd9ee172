/* SPDX-License-Identifier: BSD-3-Clause */
/* PNG files written through libpng. */
#include "clr/output.h"
#include "codec.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

/* One PNG being written. */
typedef struct writing {
    jmp_buf escape;
    char why[160];
    png_structp png;
    png_infop info;
} writing;

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

static void on_write_error(png_structp png, png_const_charp message)
{
    writing *w = png_get_error_ptr(png);
    FILE *file = png_get_io_ptr(png);
    bool refused = file && ferror(file) && errno; /* without this, errno could be that of an unrelated call */

    snprintf(w->why, sizeof w->why, "%s", refused ? strerror(errno) : message);
    longjmp(w->escape, 1);
}

static bool encode(writing *w, FILE *file, const clr_image *image)
{
    if (setjmp(w->escape))
        return false;
    errno = 0;
    w->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, w, on_write_error, on_warning);
    w->info = w->png ? png_create_info_struct(w->png) : NULL;
    if (!w->info) {
        snprintf(w->why, sizeof w->why, "out of memory");
        return false;
    }
    png_init_io(w->png, file);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    for (size_t y = 0; y < (size_t)image->height; y++)
        png_write_row(w->png, image->pixels + y * (size_t)image->width * (size_t)image->channels);
    png_write_end(w->png, NULL);
    return true;
}

clr_status clr_image_put_png(FILE *file, const clr_image *image)
{
    writing *w = &(writing){0};

    CLR_CHECK(image->channels == 1 || image->channels == 3);
    bool good = encode(w, file, image);
    png_destroy_write_struct(&w->png, &w->info);
    return good ? CLR_OK : clr_fail(CLR_EIO, "cannot be written: %s", w->why);
}

clr_status clr_image_encode_png(const clr_image *image, uint8_t **png, size_t *bytes)
{
    char *memory = NULL;
    FILE *to = open_memstream(&memory, bytes);
    clr_status st = to ? clr_image_put_png(to, image) : clr_fail(CLR_EMEMORY, "no memory for a picture");

    if (to)
        fclose(to);
    *png = (uint8_t *)memory;
    return st;
}

clr_status clr_image_write_png(const char *path, const clr_image *image)
{
    clr_output output;
    clr_status st = clr_output_open(path, &output);

    if (st != CLR_OK)
        return st;
    st = clr_image_put_png(output.file, image);
    if (st != CLR_OK)
        clr_fail_in(st, "%s", path);
    clr_status end = clr_output_end(&output, st == CLR_OK);
    return st == CLR_OK ? end : st;
}

const char *clr_image_libraries(void)
{
    static char text[64];

    snprintf(text, sizeof text, "libpng %s%s", png_get_libpng_ver(NULL), clr_jpeg_library());
    return text;
}
