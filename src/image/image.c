/* Pictures in memory. Shrinking is the exact box average: source pixel y covers [y h', (y+1) h') and output pixel o covers
   [o h, (o+1) h) of an axis of h h' units, so that every weight is a whole number and all of them sum to h. */
#include "clr/image.h"

#include "clr/mem.h"
#include "codec.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

void clr_image_free(clr_image *image)
{
    clr_free(image->pixels);
    *image = (clr_image){0};
}

clr_status clr_image_place(target *to, int64_t height, int64_t width, int channels, size_t working)
{
    size_t bytes = (size_t)height * (size_t)width * (size_t)channels, need = (to->into ? 0 : bytes) + working;
    int threads = omp_get_num_threads();

    if (height < 1 || width < 1)
        return clr_fail(CLR_EINPUT, "has no pixels (%lld x %lld)", (long long)width, (long long)height);
    if (height > CLR_IMAGE_SIDE || width > CLR_IMAGE_SIDE || height * width > CLR_IMAGE_PIXELS)
        return clr_fail(CLR_EINPUT, "its header claims %lld x %lld pixels; at most %d a side and %d in all are decoded",
                        (long long)width, (long long)height, CLR_IMAGE_SIDE, CLR_IMAGE_PIXELS);
    if (to->into && bytes > to->room)
        return clr_fail(CLR_EINPUT, "%lld x %lld x %d takes %zu bytes, more than the %zu there are", (long long)width, (long long)height,
                        channels, bytes, to->room);
    uint64_t there = !need ? 0 : clr_memory_available() / (threads > 1 ? 2 * (unsigned)threads : 1);
    if (need > there)
        return clr_fail(CLR_EMEMORY, "%lld x %lld x %d takes %zu bytes to decode, more than the %llu there are", (long long)width,
                        (long long)height, channels, need, (unsigned long long)there);
    *to->image = (clr_image){(int)height, (int)width, channels, to->into ? to->into : clr_alloc(bytes, 1)};
    return CLR_OK;
}

static clr_status decode(const uint8_t *bytes, size_t length, target *to)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    clr_status st;

    *to->image = (clr_image){0};
    if (!length)
        return clr_fail(CLR_EINPUT, "is empty");
    if (length >= sizeof png && !memcmp(bytes, png, sizeof png))
        st = clr_png_decode(bytes, length, to);
    else if (length >= sizeof jpeg && !memcmp(bytes, jpeg, sizeof jpeg))
        st = clr_jpeg_decode(bytes, length, to);
    else
        return clr_fail(CLR_EINPUT, "neither PNG nor JPEG, whatever its name says (or cut within its first bytes)");
    if (st != CLR_OK) {
        if (!to->into)
            clr_free(to->image->pixels);
        *to->image = (clr_image){0};
    }
    return st;
}

clr_status clr_image_decode(const uint8_t *bytes, size_t length, clr_image *image)
{
    return decode(bytes, length, &(target){.image = image});
}

clr_status clr_image_decode_into(const uint8_t *bytes, size_t length, uint8_t *into, size_t room, clr_image *image)
{
    return decode(bytes, length, &(target){into, room, image});
}

/* sums[x'] += wy * sum over x of wx * row[x], for every output column x'. */
static void add_row(uint64_t *sums, const uint8_t *row, uint64_t wy, int width, int out_width, int channels)
{
    for (int o = 0; o < out_width; o++) {
        int64_t from = (int64_t)o * width, to = from + width;
        for (int64_t x = from / out_width; x * out_width < to; x++) {
            int64_t low = x * out_width, high = low + out_width;
            uint64_t w = wy * (uint64_t)((high < to ? high : to) - (low > from ? low : from));
            for (int c = 0; c < channels; c++)
                sums[o * channels + c] += w * row[x * channels + c];
        }
    }
}

void clr_image_shrink(const clr_image *image, int shorter, clr_image *out)
{
    int h = image->height, w = image->width, channels = image->channels, least = h < w ? h : w;

    CLR_CHECK(shorter > 0);
    if (least <= shorter)
        shorter = least;
    int64_t high = ((int64_t)h * shorter + least / 2) / least, wide = ((int64_t)w * shorter + least / 2) / least;
    *out = (clr_image){(int)high, (int)wide, channels, clr_alloc((size_t)(high * wide * channels), 1)};
    if (least == shorter) {
        memcpy(out->pixels, image->pixels, (size_t)(high * wide * channels));
        return;
    }
    int64_t row = wide * channels;
    uint64_t *sums = CLR_NEW(uint64_t, row), all = (uint64_t)h * (uint64_t)w;
    for (int64_t o = 0; o < high; o++) {
        int64_t from = o * h, to = from + h;
        memset(sums, 0, (size_t)row * sizeof *sums);
        for (int64_t y = from / high; y * high < to; y++) {
            int64_t low = y * high, end = low + high;
            add_row(sums, image->pixels + y * w * channels, (uint64_t)((end < to ? end : to) - (low > from ? low : from)), w,
                    (int)wide, channels);
        }
        for (int64_t i = 0; i < row; i++)
            out->pixels[o * row + i] = (uint8_t)((sums[i] + all / 2) / all);
    }
    clr_free(sums);
}
