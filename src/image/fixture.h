/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_IMAGE_FIXTURE_H
#define CLR_IMAGE_FIXTURE_H
/* For tests: pictures of every kind with samples known in advance, and their chunks taken apart and put together
   again. */

#include "clr/test.h"

#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_JPEG
#include <jpeglib.h>
#endif

typedef struct bytes {
    uint8_t *data;
    size_t length, capacity;
} bytes;

static inline void fixture_put(png_structp png, png_bytep data, size_t length)
{
    bytes *b = png_get_io_ptr(png);

    if (b->length + length > b->capacity)
        b->data = realloc(b->data, b->capacity = 2 * (b->capacity + length));
    memcpy(b->data + b->length, data, length);
    b->length += length;
}

static inline void fixture_flushed(png_structp png)
{
    (void)png;
}

enum { H = 13, W = 11 };

/* One kind of PNG. transparent: a tRNS chunk (a key for gray and RGB, alphas for a palette). high: samples lie from
   low to high; low without high: rows repeat after so many. */
typedef struct kind {
    int type, depth;
    bool interlaced, transparent;
    unsigned low, high;
} kind;

/* Sample c of the pixel at (y, x), in depth bits. */
static inline unsigned sample(int y, int x, int c, int depth)
{
    unsigned v = (unsigned)(y * 7919 + x * 104729 + c * 1299709) * 2654435761u >> 7;

    return v & ((1u << depth) - 1);
}

static inline unsigned sample_of(kind k, int y, int x, int c)
{
    if (k.high)
        return k.low + sample(y, x, c, 16) % (k.high - k.low + 1);
    if (!k.low)
        return sample(y, x, c, k.depth);
    unsigned v = sample(y % (int)k.low, x, c, 24) * 0x7feb352du; /* mixed, so that nothing repeats earlier */
    return (v >> 15 ^ v >> 22) & ((1u << k.depth) - 1);
}

static inline unsigned entry(unsigned i, int c) /* of the palette; c 3: alpha */
{
    return (i * 37 + (unsigned)c * 91 + 5) & 255;
}

static inline int samples(int type)
{
    return type == PNG_COLOR_TYPE_RGB ? 3 : type == PNG_COLOR_TYPE_RGBA ? 4 : type == PNG_COLOR_TYPE_GRAY_ALPHA ? 2 : 1;
}

static inline bytes make_png(kind k)
{
    bytes b = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    int n = samples(k.type);
    static uint8_t rows[H][W * 8];
    uint8_t *row[H];

    if (setjmp(png_jmpbuf(png)))
        ck_abort_msg("libpng cannot write a test's picture");
    png_set_write_fn(png, &b, fixture_put, fixture_flushed);
    png_set_IHDR(png, info, W, H, k.depth, k.type, k.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (k.type == PNG_COLOR_TYPE_PALETTE) {
        png_color colors[256];
        png_byte alphas[256];
        for (unsigned i = 0; i < 256; i++) {
            colors[i] = (png_color){(png_byte)entry(i, 0), (png_byte)entry(i, 1), (png_byte)entry(i, 2)};
            alphas[i] = (png_byte)entry(i, 3);
        }
        png_set_PLTE(png, info, colors, 1 << k.depth);
        if (k.transparent)
            png_set_tRNS(png, info, alphas, 1 << k.depth, NULL);
    } else if (k.transparent) {
        png_color_16 key = {.red = (png_uint_16)sample(3, 5, 0, k.depth),
                            .green = (png_uint_16)sample(3, 5, 1, k.depth),
                            .blue = (png_uint_16)sample(3, 5, 2, k.depth),
                            .gray = (png_uint_16)sample(3, 5, 0, k.depth)};
        png_set_tRNS(png, info, NULL, 0, &key);
    }
    memset(rows, 0, sizeof rows);
    for (int y = 0; y < H; y++) {
        row[y] = rows[y];
        for (int i = 0; i < W * n; i++) {
            unsigned v = sample_of(k, y, i / n, i % n);
            int bit = i * k.depth;
            if (k.depth == 16)
                rows[y][2 * i] = (uint8_t)(v >> 8), rows[y][2 * i + 1] = (uint8_t)v;
            else
                rows[y][bit / 8] |= (uint8_t)(v << (8 - k.depth - bit % 8));
        }
    }
    png_text comment = {.compression = PNG_TEXT_COMPRESSION_NONE, .key = "Comment", .text = "of no matter"};
    png_set_text(png, info, &comment, 1);
    png_set_gAMA(png, info, 0.3);
    png_set_rows(png, info, row);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&png, &info);
    return b;
}

static inline uint32_t crc(const uint8_t *data, size_t n)
{
    uint32_t c = 0xffffffff;

    for (size_t i = 0; i < n; i++) {
        c ^= data[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
    }
    return ~c;
}

static inline void put32(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 24), at[1] = (uint8_t)(v >> 16), at[2] = (uint8_t)(v >> 8), at[3] = (uint8_t)v;
}

/* Where the chunk of that name begins (its length), the first after the place from; the length of the file where
   there is none. */
static inline size_t chunk_at(const bytes *b, const char *name, size_t from)
{
    for (size_t at = from ? from : 8; at + 12 <= b->length;) {
        if (!memcmp(b->data + at + 4, name, 4))
            return at;
        at += 12 + ((size_t)b->data[at] << 24 | (size_t)b->data[at + 1] << 16 | (size_t)b->data[at + 2] << 8 |
                    b->data[at + 3]);
    }
    return b->length;
}

static inline size_t chunk_length(const bytes *b, size_t at)
{
    return (size_t)b->data[at] << 24 | (size_t)b->data[at + 1] << 16 | (size_t)b->data[at + 2] << 8 | b->data[at + 3];
}

/* Puts a chunk before the place at. */
static inline void add_chunk(bytes *b, size_t at, const char *name, const void *data, size_t n)
{
    b->data = realloc(b->data, b->capacity = b->length + n + 12);
    memmove(b->data + at + 12 + n, b->data + at, b->length - at);
    put32(b->data + at, (uint32_t)n);
    memcpy(b->data + at + 4, name, 4);
    if (n)
        memcpy(b->data + at + 8, data, n);
    put32(b->data + at + 8 + n, crc(b->data + at + 4, n + 4));
    b->length += n + 12;
}

/* Takes the chunk at that place out; its data, to be freed, in *data. */
static inline size_t take_chunk(bytes *b, size_t at, uint8_t **data)
{
    size_t n = chunk_length(b, at);

    *data = malloc(n + 1);
    memcpy(*data, b->data + at + 8, n);
    memmove(b->data + at, b->data + at + 12 + n, b->length - at - 12 - n);
    b->length -= n + 12;
    return n;
}

/* Gives the chunk of that name n bytes: cut, or followed by zeros. */
static inline void resize_chunk(bytes *b, const char *name, size_t n)
{
    size_t at = chunk_at(b, name, 0);
    uint8_t *data, *sized = calloc(1, n + 1);
    size_t was = take_chunk(b, at, &data);

    memcpy(sized, data, n < was ? n : was);
    add_chunk(b, at, name, sized, n);
    free(sized);
    free(data);
}

#ifdef HAVE_JPEG
/* A smooth picture, so that the loss of JPEG at quality 100 is a few steps of 255. */
static inline int smooth(int y, int x, int c)
{
    return 40 + 3 * y + 2 * x * (c + 1) % 100;
}

/* What else a JPEG has: a marker with data before its picture. */
typedef struct jpeg_extra {
    bool progressive, unmarked; /* unmarked: without Adobe's marker */
    int marker;                 /* 0: none */
    const void *data;
    unsigned length;
} jpeg_extra;

static inline bytes make_jpeg(int channels, J_COLOR_SPACE space, jpeg_extra extra)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long length = 0;
    JSAMPLE line[40 * 4], *row = line;

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &length);
    jpeg.image_height = 24, jpeg.image_width = 40, jpeg.input_components = channels, jpeg.in_color_space = space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
    if (extra.unmarked)
        jpeg.write_Adobe_marker = FALSE;
    if (extra.progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (extra.marker)
        jpeg_write_marker(&jpeg, extra.marker, extra.data, extra.length);
    for (int y = 0; y < 24; y++) {
        for (int i = 0; i < 40 * channels; i++)
            line[i] = (JSAMPLE)smooth(y, i / channels, i % channels);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return (bytes){data, length, length};
}
#endif

#endif
