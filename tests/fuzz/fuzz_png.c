/* SPDX-License-Identifier: BSD-3-Clause */
/* PNG. Chunks get right checksums, which would hide everything else; of what is decoded, every pixel is there. */
#include "image.h"

#include <zlib.h>

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put32(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 24), at[1] = (uint8_t)(v >> 16), at[2] = (uint8_t)(v >> 8), at[3] = (uint8_t)v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[1 << 20];

    if (size > sizeof file)
        return 0;
    memcpy(file, data, size);
    for (size_t at = 8; at + 12 <= size && get32(file + at) <= size - at - 12; at += 12 + get32(file + at))
        put32(file + at + 8 + get32(file + at), (uint32_t)crc32(0, file + at + 4, get32(file + at) + 4));
    fuzz_begin(size);
    decode(file, size);
    return 0;
}

enum { W = 11, H = 9 };

/* Into at, which is returned behind it. */
static uint8_t *chunk(uint8_t *at, const char *type, const void *data, size_t size)
{
    put32(at, (uint32_t)size);
    memcpy(at + 4, type, 4);
    memcpy(at + 8, data, size);
    put32(at + 8 + size, (uint32_t)crc32(0, at + 4, (uInt)size + 4));
    return at + 12 + size;
}

/* Rows of a pass of the interlaced picture (7: of the whole one), each with its filter. */
static size_t rows(uint8_t *raw, int pass, size_t bits)
{
    static const int x0[] = {0, 4, 0, 2, 0, 1, 0, 0}, y0[] = {0, 0, 4, 0, 2, 0, 1, 0}, dx[] = {8, 8, 4, 4, 2, 2, 1, 1},
                     dy[] = {8, 8, 8, 4, 4, 2, 2, 1};
    size_t bytes = ((size_t)((W - x0[pass] + dx[pass] - 1) / dx[pass]) * bits + 7) / 8, used = 0;

    for (int y = y0[pass]; y < H; y += dy[pass]) {
        raw[used++] = (uint8_t)(y % 5);
        for (size_t i = 0; i < bytes; i++)
            raw[used++] = (uint8_t)(17 * y + 3 * (int)i);
    }
    return used;
}

static void seed(int type, int depth, int interlaced, int transparent)
{
    static const int samples[] = {1, 0, 3, 1, 2, 0, 4};
    uint8_t raw[8192], packed[8192], file[16384] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, head[13] = {0},
                                     *at = file + 8;
    size_t used = 0;
    uint8_t exif[38];
    uLongf bytes = sizeof packed;

    put32(head, W);
    put32(head + 4, H);
    head[8] = (uint8_t)depth, head[9] = (uint8_t)type, head[12] = (uint8_t)interlaced;
    at = chunk(at, "IHDR", head, sizeof head);
    for (int pass = interlaced ? 0 : 7; pass < (interlaced ? 7 : 8); pass++)
        used += rows(raw + used, pass, (size_t)(samples[type] * depth));
    if (type == 3)
        at = chunk(at, "PLTE", raw, 3u << depth);
    if (transparent)
        at = chunk(at, "tRNS", "\0\1\0\2\0\3", type == 0 ? 2 : 6 >> (type == 3 && depth == 1));
    at = chunk(at, "gAMA", "\0\0\xb1\x8f", 4);
    at = chunk(at, "tEXt", "Comment\0of no matter", 20);
    at = chunk(at, "eXIf", exif, make_exif(exif, 1 + depth % 8));
    compress2(packed, &bytes, raw, used, transparent ? 0 : 9);
    at = chunk(at, "IDAT", packed, bytes / 2);
    at = chunk(at, "IDAT", packed + bytes / 2, bytes - bytes / 2);
    fuzz_seed(file, (size_t)(chunk(at, "IEND", "", 0) - file));
}

void fuzz_seeds(void)
{
    static const int types[] = {0, 2, 3, 4, 6};

    for (int t = 0; t < 5; t++)
        for (int depth = 1; depth <= 16; depth *= 2)
            for (int kind = 0; kind < 4; kind++)
                if ((types[t] == 3 ? depth <= 8 : types[t] == 0 || depth >= 8) && (types[t] < 4 || kind < 2))
                    seed(types[t], depth, kind % 2, kind / 2);
}
