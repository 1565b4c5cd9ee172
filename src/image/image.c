/* SPDX-License-Identifier: BSD-3-Clause */
/* Pictures in memory. Shrinking is the exact box average: source pixel y covers [y h', (y+1) h') and output pixel o
   covers [o h, (o+1) h) of an axis of h h' units, so that every weight is a whole number and all of them sum to h. */
#include "clr/image.h"

#include "clr/kind.h"
#include "clr/mem.h"
#include "codec.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    /* An image that takes less than this part of the free memory, as last measured, is allocated without measuring
       again. */
    SMALL = 256
};

static const clr_image_rules as_stored;

void clr_image_free(clr_image *image)
{
    clr_free(image->pixels);
    *image = (clr_image){0};
}

clr_status clr_image_range_parse(const char *text, clr_image_rules *rules)
{
    int low = 0, high = 0, end = 0;

    rules->stretch = !strcmp(text, "image");
    rules->low = rules->high = 0;
    if (rules->stretch || !strcmp(text, "full"))
        return CLR_OK;
    if (sscanf(text, "%5d-%5d%n", &low, &high, &end) != 2 || text[end] || *text < '0' || *text > '9' || low >= high ||
        high > 65535)
        return clr_fail(CLR_EUSAGE, "--range=%s: must be full, image or MIN-MAX with 0 <= MIN < MAX <= 65535", text);
    rules->low = low;
    rules->high = high;
    return CLR_OK;
}

void clr_image_range_text(const clr_image_rules *rules, char *text)
{
    if (rules->stretch || !rules->high)
        strcpy(text, rules->stretch ? "image" : "full");
    else
        snprintf(text, CLR_IMAGE_RANGE, "%d-%d", rules->low, rules->high);
}

/* Bytes that need of them may be taken from. Asking the system reads a dozen files, as long as a small picture
   takes. */
static uint64_t available(uint64_t need)
{
    static atomic_uint_fast64_t seen;
    uint64_t there = atomic_load(&seen);

    if (need > there / SMALL)
        atomic_store(&seen, there = clr_memory_available());
    return there;
}

/* Whether need bytes are there, where several threads decode: for each its share, and as much again for what it has
   decoded before. */
static clr_status afford(int64_t height, int64_t width, int channels, size_t need)
{
    int threads = omp_get_num_threads();
    uint64_t there = !need ? 0 : available(need) / (threads > 1 ? 2 * (unsigned)threads : 1);

    if (need <= there)
        return CLR_OK;
    return clr_fail(CLR_EMEMORY, "%lld x %lld x %d takes %zu bytes to decode, more than the %llu there are",
                    (long long)width, (long long)height, channels, need, (unsigned long long)there);
}

clr_status clr_image_place(target *to, int64_t height, int64_t width, int channels, size_t working)
{
    size_t bytes = (size_t)height * (size_t)width * (size_t)channels, need = (to->into ? 0 : bytes) + working;

    if (height < 1 || width < 1)
        return clr_fail(CLR_EINPUT, "has no pixels (%lld x %lld)", (long long)width, (long long)height);
    if (height > CLR_IMAGE_SIDE || width > CLR_IMAGE_SIDE || height * width > CLR_IMAGE_PIXELS)
        return clr_fail(CLR_EINPUT, "its header claims %lld x %lld pixels; at most %d a side and %d in all are decoded",
                        (long long)width, (long long)height, CLR_IMAGE_SIDE, CLR_IMAGE_PIXELS);
    if (to->into && bytes > to->capacity)
        return clr_fail(CLR_EINPUT, "%lld x %lld x %d takes %zu bytes, more than the %zu there are", (long long)width,
                        (long long)height, channels, bytes, to->capacity);
    clr_status st = afford(height, width, channels, need);
    if (st != CLR_OK)
        return st;
    *to->image = (clr_image){(int)height, (int)width, channels, to->into ? to->into : clr_alloc(bytes, 1)};
    return CLR_OK;
}

static clr_status not_an_image(const uint8_t *bytes, size_t length)
{
    const clr_kind *kind = clr_kind_of(bytes, length);

    if (kind && kind->of != CLR_KIND_READ)
        return clr_fail(CLR_EINPUT, "is %s, whatever its name says; %s", kind->name, kind->remedy);
    return clr_fail(CLR_EINPUT, "neither PNG nor JPEG, whatever its name says (or cut within its first bytes)");
}

/* Gives the decoded picture its EXIF orientation. */
static clr_status upright(target *to)
{
    const clr_image *image = to->image;
    size_t bytes = (size_t)image->height * (size_t)image->width * (size_t)image->channels;
    clr_image turned = {.pixels = to->spare};
    clr_status st = to->into ? CLR_OK : afford(image->height, image->width, image->channels, bytes);

    if (st != CLR_OK)
        return st;
    if (!to->into)
        turned.pixels = clr_alloc(bytes, 1);
    clr_image_turn(image, to->info->orientation, &turned);
    if (to->into) {
        memcpy(to->into, turned.pixels, bytes);
        turned.pixels = to->into;
    } else {
        clr_free(image->pixels);
    }
    *to->image = turned;
    return CLR_OK;
}

static clr_status decode(const uint8_t *bytes, size_t length, target *to)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    clr_status st;

    *to->image = (clr_image){0};
    *to->info = (clr_image_info){0};
    if (!length)
        return clr_fail(CLR_EINPUT, "is empty; fetch it again");
    if (length >= sizeof png && !memcmp(bytes, png, sizeof png))
        st = clr_png_decode(bytes, length, to);
    else if (length >= sizeof jpeg && !memcmp(bytes, jpeg, sizeof jpeg))
        st = clr_jpeg_decode(bytes, length, to);
    else
        return not_an_image(bytes, length);
    if (st == CLR_OK && to->rules->upright && to->info->orientation > 1)
        st = upright(to);
    if (st != CLR_OK) {
        if (!to->into)
            clr_free(to->image->pixels);
        *to->image = (clr_image){0};
    }
    return st;
}

clr_status clr_image_decode_by(const uint8_t *bytes, size_t length, const clr_image_rules *rules, clr_image *image,
                               clr_image_info *info)
{
    clr_image_info unwanted = {0};

    return decode(bytes, length,
                  &(target){.rules = rules ? rules : &as_stored, .image = image, .info = info ? info : &unwanted});
}

clr_status clr_image_decode(const uint8_t *bytes, size_t length, clr_image *image)
{
    return clr_image_decode_by(bytes, length, NULL, image, NULL);
}

clr_status clr_image_decode_into(const uint8_t *bytes, size_t length, const clr_image_rules *rules,
                                 const clr_image_buffer *into, clr_image *image)
{
    clr_image_info info;

    CLR_CHECK(!rules || !rules->upright || into->spare);
    return decode(bytes, length,
                  &(target){into->at, into->spare, into->capacity, rules ? rules : &as_stored, image, &info});
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
            add_row(sums, image->pixels + y * w * channels,
                    (uint64_t)((end < to ? end : to) - (low > from ? low : from)), w, (int)wide, channels);
        }
        for (int64_t i = 0; i < row; i++)
            out->pixels[o * row + i] = (uint8_t)((sums[i] + all / 2) / all);
    }
    clr_free(sums);
}
