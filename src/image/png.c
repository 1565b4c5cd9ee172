/* SPDX-License-Identifier: BSD-3-Clause */
/* PNG through libpng. */
#include "codec.h"
#include "depth.h"
#include "png_rows.h"

#include <png.h>
#include <setjmp.h>
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
    uint8_t
        *raw; /* rows as libpng gives them: one, or all where they are interlaced or their range is looked for first */
    bool starved;  /* memory ran out */
    bool doubtful; /* why tells of damage to what the pixels depend on */
} reading;

static void on_error(png_structp png, png_const_charp message)
{
    reading *r = png_get_error_ptr(png);

    snprintf(r->why, sizeof r->why, "%s", message);
    longjmp(r->escape, 1);
}

/* Whether two names of chunks differ in at most one bit. */
static bool nearly(const char *a, const char *b)
{
    int bits = 0;

    for (int i = 0; i < 4; i++)
        bits += __builtin_popcount((unsigned)(uint8_t)(a[i] ^ b[i]));
    return bits <= 1;
}

/* libpng warns, and goes on, where a chunk beside the picture is damaged ("tEXt: CRC error"), or where more than the
   picture is there. That leaves all pixels as they were, unless transparency may be what is damaged, or the picture's
   own checksum does not hold. */
static void on_warning(png_structp png, png_const_charp message)
{
    reading *r = png_get_error_ptr(png);
    const char *colon = strstr(message, ": "), *what = colon ? colon + 2 : message;
    bool named = colon == message + 4;

    if ((named && !strcmp(what, "CRC error") && nearly(message, "tRNS")) ||
        (named && !strncmp(message, "IDAT", 4) && !strstr(what, "Extra compressed data") &&
         !strstr(what, "Too much image data") && !strstr(what, "Too many IDATs"))) {
        r->doubtful = true;
        snprintf(r->why, sizeof r->why, "%s", message);
    }
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

static png_voidp allocate(png_structp png, png_alloc_size_t bytes)
{
    reading *r = png_get_mem_ptr(png);
    void *memory = malloc(bytes);

    r->starved |= !memory;
    return memory;
}

static void release(png_structp png, png_voidp memory)
{
    (void)png;
    free(memory);
}

/* Keeps the chunks about colours and orientation as they are, and skips the other chunks beside the picture. */
static clr_status start(reading *r, size_t length)
{
    static const png_byte kept[] = "eXIf\0gAMA\0iCCP";

    r->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, r, on_error, on_warning, r, allocate, release);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (!r->info)
        return clr_fail(CLR_EMEMORY, "libpng cannot start: %s", *r->why ? r->why : "out of memory");
    png_set_read_fn(r->png, r, take);
    png_set_user_limits(r->png, 0x7fffffff, 0x7fffffff);
    png_set_chunk_malloc_max(r->png, length); /* a longer chunk is not there */
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_ALWAYS, kept, (int)(sizeof kept / 5));
    png_set_benign_errors(r->png, 1);
#ifdef PNG_MAXIMUM_INFLATE_WINDOW
    png_set_option(r->png, PNG_MAXIMUM_INFLATE_WINDOW,
                   PNG_OPTION_ON); /* some writers state a smaller one than they used */
#endif
    return CLR_OK;
}

/* gAMA 45455 is sRGB's; libpng too takes what is 5 % off for the same. */
static void read_kept_chunks(const reading *r, clr_image_info *info)
{
    png_unknown_chunkp chunk;
    int n = png_get_unknown_chunks(r->png, r->info, &chunk);

    for (int i = 0; i < n; i++, chunk++) {
        const char *name = (const char *)chunk->name;
        if (!strcmp(name, "eXIf") && !info->orientation)
            info->orientation = clr_exif_orientation(chunk->data, chunk->size);
        if (!strcmp(name, "iCCP"))
            info->profile |= !clr_says_srgb(chunk->data, chunk->size < 80 ? chunk->size : 80);
        if (!strcmp(name, "gAMA") && chunk->size == 4) {
            png_uint_32 gamma = png_get_uint_32(chunk->data);
            info->profile |= gamma < 43182 || gamma > 47728;
        }
    }
}

/* The deflate format makes at most 1032 bytes of one: a header that claims more lies. */
static bool too_short_for(png_structp png, png_infop info, size_t length)
{
    uint64_t bits =
        (uint64_t)png_get_image_width(png, info) * png_get_bit_depth(png, info) * png_get_channels(png, info);

    return (bits / 8 * png_get_image_height(png, info)) / 1032 > length;
}

/* Reads all rows to the end of the file; whole: keeps them, else makes pixels of each. */
static clr_status read_rows(reading *r, clr_png_recipe *how, int passes, bool whole, const clr_image *image)
{
    size_t bytes = png_get_rowbytes(r->png, r->info), row = (size_t)image->width * (size_t)image->channels;
    clr_status st = CLR_OK;

    r->raw = png_malloc(r->png, whole ? bytes * (size_t)image->height : bytes);
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < (size_t)image->height && st == CLR_OK; y++) {
            uint8_t *raw = r->raw + (whole ? y * bytes : 0);
            png_read_row(r->png, raw, NULL);
            if (how->scale.deep && pass == passes - 1)
                clr_depth_survey(&how->scale, how->seen, raw, image->width);
            if (!whole)
                st = clr_png_put(how, image->pixels + y * row, raw, image->width);
        }
    if (st == CLR_OK)
        png_read_end(r->png, r->info);
    return st == CLR_OK && r->doubtful ? clr_fail(CLR_EINPUT, "damaged PNG: %s", r->why) : st;
}

static clr_status decode(reading *r, size_t length, target *to)
{
    png_structp png = r->png;
    png_infop info = r->info;
    clr_png_recipe *how = &(clr_png_recipe){.numbered = false};
    const clr_image_rules *rules = to->rules;

    png_read_info(png, info);
    int64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    int type = png_get_color_type(png, info), passes = png_set_interlace_handling(png);
    int channels = type & PNG_COLOR_MASK_COLOR ? 3 : 1;
    bool deep = png_get_bit_depth(png, info) == 16, whole = passes > 1 || (deep && rules->stretch);
    if (height <= CLR_IMAGE_SIDE && width <= CLR_IMAGE_SIDE && too_short_for(png, info, length))
        return clr_fail(CLR_EINPUT, "its header claims %lld x %lld pixels, more than its %zu bytes can hold",
                        (long long)width, (long long)height, length);
    clr_status st =
        clr_image_place(to, height, width, channels,
                        whole ? (size_t)width * (size_t)height * (size_t)(channels + 1) * (deep ? 2 : 1) : 0);
    if (st != CLR_OK)
        return st;
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_set_packing(png);
        how->numbered = true;
        clr_png_palette(png, info, how);
    } else {
        png_set_expand(png);
    }
    png_read_update_info(png, info);
    how->scale = (clr_scale){channels, png_get_channels(png, info) > channels, deep, 0, 255};
    if (deep)
        how->scale.low = (uint64_t)rules->low, how->scale.high = rules->high ? (uint64_t)rules->high : CLR_DEEP;
    st = read_rows(r, how, passes, whole, to->image);
    read_kept_chunks(r, to->info);
    if (deep)
        clr_depth_range(how->seen, to->info);
    if (deep && rules->stretch && to->info->high >= 0) {
        how->scale.low = (uint64_t)to->info->low;
        how->scale.high = (uint64_t)to->info->high + (to->info->low == to->info->high);
    }
    if (deep)
        clr_depth_count(&how->scale, how->seen, to->info);
    size_t bytes = png_get_rowbytes(png, info), row = (size_t)width * (size_t)channels;
    for (size_t y = 0; whole && y < (size_t)height && st == CLR_OK; y++)
        st = clr_png_put(how, to->image->pixels + y * row, r->raw + y * bytes, (int)width);
    return st;
}

clr_status clr_png_decode(const uint8_t *bytes, size_t length, target *to)
{
    reading *r = &(reading){.at = bytes, .left = length};
    volatile clr_status st;

    if (setjmp(r->escape))
        st = r->starved ? clr_fail(CLR_EMEMORY, "libpng: %s", r->why) : clr_fail(CLR_EINPUT, "damaged PNG: %s", r->why);
    else if ((st = start(r, length)) == CLR_OK)
        st = decode(r, length, to);
    if (r->png) {
        png_free(r->png, r->raw);
        png_destroy_read_struct(&r->png, &r->info, NULL);
    }
    return st;
}
