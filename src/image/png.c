/* PNG through libpng. Sample c of maximum m with alpha a over white, as 8 bits: round(255 (c a + m (m - a)) / m^2). */
#include "clr/mem.h"
#include "clr/output.h"
#include "codec.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One PNG being decoded. libpng's errors jump to escape with the sentence in why. */
typedef struct reading {
    png_structp png;
    png_infop info;
    jmp_buf escape;
    char why[160];
    const uint8_t *at;
    size_t left;
    uint8_t *raw; /* rows as libpng gives them: one, or all where they are interlaced */
} reading;

static void on_error(png_structp png, png_const_charp message)
{
    reading *r = png_get_error_ptr(png);

    snprintf(r->why, sizeof r->why, "%s", message);
    longjmp(r->escape, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

static void take(png_structp png, png_bytep data, size_t length)
{
    reading *r = png_get_io_ptr(png);

    if (length > r->left)
        png_error(png, "the file ends too early");
    memcpy(data, r->at, length);
    r->at += length;
    r->left -= length;
}

/* Only the chunks that make up the picture are looked at; the others' checksums are verified all the same. */
static clr_status start(reading *r)
{
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, on_error, on_warning);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (!r->info)
        return clr_fail(CLR_EMEMORY, "libpng cannot start: %s", *r->why ? r->why : "out of memory");
    png_set_read_fn(r->png, r, take);
    png_set_user_limits(r->png, 0x7fffffff, 0x7fffffff);
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_benign_errors(r->png, 0);
    return CLR_OK;
}

static uint64_t sample(const uint8_t *row, size_t i, bool deep)
{
    return deep ? (uint64_t)row[2 * i] << 8 | row[2 * i + 1] : row[i];
}

static void flatten(uint8_t *out, const uint8_t *row, int width, int channels, bool alpha, bool deep)
{
    int stored = channels + alpha;
    uint64_t m = deep ? 65535 : 255;

    if (!alpha && !deep) {
        memcpy(out, row, (size_t)width * (size_t)channels);
        return;
    }
    for (size_t x = 0; x < (size_t)width; x++) {
        uint64_t a = alpha ? sample(row, x * (size_t)stored + (size_t)channels, deep) : m;
        for (size_t c = 0; c < (size_t)channels; c++)
            *out++ = (uint8_t)((255 * (sample(row, x * (size_t)stored + c, deep) * a + m * (m - a)) + m * m / 2) / (m * m));
    }
}

/* The deflate format makes at most 1032 bytes of one: a header that claims more lies. */
static bool too_short_for(png_structp png, png_infop info, size_t length)
{
    uint64_t bits = (uint64_t)png_get_image_width(png, info) * png_get_bit_depth(png, info) * png_get_channels(png, info);

    return (bits / 8 * png_get_image_height(png, info)) / 1032 > length;
}

static clr_status decode(reading *r, size_t length, target *to)
{
    png_structp png = r->png;
    png_infop info = r->info;

    png_read_info(png, info);
    int64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    int type = png_get_color_type(png, info), passes = png_set_interlace_handling(png);
    int channels = type & PNG_COLOR_MASK_COLOR ? 3 : 1;
    if (height <= CLR_IMAGE_SIDE && width <= CLR_IMAGE_SIDE && too_short_for(png, info, length))
        return clr_fail(CLR_EINPUT, "its header claims %lld x %lld pixels, more than its %zu bytes can hold", (long long)width,
                        (long long)height, length);
    /* interlaced, all rows are held as they are stored */
    size_t held = passes > 1 ? (size_t)width * (size_t)height * (size_t)(channels + 1) * (png_get_bit_depth(png, info) == 16 ? 2 : 1) : 0;
    clr_status st = clr_image_place(to, height, width, channels, held);
    if (st != CLR_OK)
        return st;
    png_set_expand(png);
    png_read_update_info(png, info);
    bool deep = png_get_bit_depth(png, info) == 16, alpha = png_get_channels(png, info) > channels;
    size_t bytes = png_get_rowbytes(png, info), row = (size_t)width * (size_t)channels;
    r->raw = png_malloc(png, passes > 1 ? bytes * (size_t)height : bytes);
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < (size_t)height; y++) {
            uint8_t *raw = r->raw + (passes > 1 ? y * bytes : 0);
            png_read_row(png, raw, NULL);
            if (pass == passes - 1)
                flatten(to->image->pixels + y * row, raw, (int)width, channels, alpha, deep);
        }
    png_read_end(png, NULL);
    return CLR_OK;
}

clr_status clr_png_decode(const uint8_t *bytes, size_t length, target *to)
{
    reading *r = &(reading){.at = bytes, .left = length};
    volatile clr_status st;

    if (setjmp(r->escape))
        st = clr_fail(CLR_EINPUT, "damaged PNG: %s", r->why);
    else if ((st = start(r)) == CLR_OK)
        st = decode(r, length, to);
    if (r->png) {
        png_free(r->png, r->raw);
        png_destroy_read_struct(&r->png, &r->info, NULL);
    }
    return st;
}

/* One PNG being written. */
typedef struct writing {
    jmp_buf escape;
    char why[160];
    png_structp png;
    png_infop info;
} writing;

static void on_write_error(png_structp png, png_const_charp message)
{
    writing *w = png_get_error_ptr(png);
    FILE *file = png_get_io_ptr(png);
    bool refused = file && ferror(file) && errno; /* else errno is of some call that has nothing to do with it */

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

clr_status clr_image_write_png(const char *path, const clr_image *image)
{
    writing *w = &(writing){0};
    clr_output output;
    clr_status st = clr_output_open(path, &output);

    CLR_CHECK(image->channels == 1 || image->channels == 3);
    if (st != CLR_OK)
        return st;
    bool good = encode(w, output.file, image);
    png_destroy_write_struct(&w->png, &w->info);
    if (!good)
        st = clr_fail(CLR_EIO, "%s: cannot be written: %s", path, w->why);
    clr_status end = clr_output_end(&output, good);
    return good ? end : st;
}

const char *clr_image_libraries(void)
{
    static char text[64];

    snprintf(text, sizeof text, "libpng %s%s", png_get_libpng_ver(NULL), clr_jpeg_library());
    return text;
}
