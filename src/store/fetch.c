/* SPDX-License-Identifier: BSD-3-Clause */
/* Images of a store. Pixel datasets are contiguous in the file, so that images are read by pread at offset + i * size:
   no lock, no HDF5 after opening, any number of threads, files of any size. Every image's checksum is compared as it is
   read. */
#include "clr/h5.h"
#include "clr/hash.h"
#include "layout.h"
#include "open.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

/* One of the images asked for: its number, and its place in the caller's list. */
typedef struct place {
    int64_t id;
    int at;
} place;

/* The caller's buffer holds a slot for each image, then the places, then room to decode the largest encoded image. */
static int64_t places(int n)
{
    return ((int64_t)n * (int64_t)sizeof(place) + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN;
}

static int64_t slot(const clr_store *s, int64_t i)
{
    int32_t shape[3];

    clr_store_shape(s, i, shape);
    return ((int64_t)shape[0] * shape[1] * 3 + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN;
}

/* An encoded image's bytes and, behind them, room to turn it. */
static int64_t working(const clr_store *s, int64_t i)
{
    return clr_store_size(s, i) + (s->rules.upright ? slot(s, i) : 0);
}

int64_t clr_store_bytes(const clr_store *s, const int64_t *ids, int n)
{
    int64_t sum = 0, most = 0;

    for (int k = 0; k < n; k++) {
        sum += slot(s, ids[k]);
        if (s->encoded && working(s, ids[k]) > most)
            most = working(s, ids[k]);
    }
    return sum + places(n) + most;
}

/* Fills the pieces, which follow each other in the file from at. */
static clr_status read_pieces(const clr_store *s, struct iovec *piece, int n, int64_t at)
{
    while (n) {
        ssize_t got = preadv(s->fd, piece, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return clr_fail(CLR_EIO, "%s: cannot be read: %s", s->path,
                            got ? strerror(errno) : "it is shorter than when it was opened");
        at += got;
        for (; n && (size_t)got >= piece->iov_len; piece++, n--)
            got -= (ssize_t)piece->iov_len;
        if (n) {
            piece->iov_base = (char *)piece->iov_base + got;
            piece->iov_len -= (size_t)got;
        }
    }
    return CLR_OK;
}

static clr_status check(const clr_store *s, int64_t id, const uint8_t *data)
{
    if (clr_hash(CLR_HASH_START, data, (size_t)clr_store_size(s, id)) == (uint64_t)s->checksums[id])
        return CLR_OK;
    return clr_fail(CLR_EINPUT,
                    "%s: image %lld is damaged (its checksum differs); `simclr info` checks all; pack it again",
                    s->path, (long long)id);
}

/* The gray bytes at the end of three times their room become RGB at its beginning. */
static void gray_to_rgb(uint8_t *pixels, int64_t n)
{
    const uint8_t *gray = pixels + 2 * n;

    for (int64_t i = 0; i < n; i++) {
        uint8_t g = gray[i];
        pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = g;
    }
}

/* Where the stored bytes of an image go, so that what the caller wants of it can begin at its slot. */
static uint8_t *landing(const clr_store *s, int64_t id, const clr_image *image)
{
    int32_t shape[3];

    clr_store_shape(s, id, shape);
    return image->pixels + (image->channels > shape[2] ? 2 * (int64_t)shape[0] * shape[1] : 0);
}

static clr_status decode_one(const clr_store *s, int64_t id, uint8_t *scratch, clr_image *image)
{
    clr_image decoded;
    int32_t shape[3];
    struct iovec piece = {scratch, (size_t)clr_store_size(s, id)};
    clr_status st = read_pieces(s, &piece, 1, clr_store_at(s, id));

    if (st == CLR_OK)
        st = check(s, id, scratch);
    if (st != CLR_OK)
        return st;
    clr_store_shape(s, id, shape);
    size_t bytes = (size_t)clr_store_size(s, id);
    clr_image_buffer capacity = {landing(s, id, image), scratch + bytes,
                                 (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2]};
    st = clr_image_decode_into(scratch, bytes, &s->rules, &capacity, &decoded);
    if (st == CLR_OK && (decoded.height != shape[0] || decoded.width != shape[1] || decoded.channels != shape[2]))
        st = clr_fail(CLR_EINPUT, "decodes to another shape than /shapes says");
    return st == CLR_OK ? st : clr_fail_in(st, "%s: image %lld", s->path, (long long)id);
}

/* Reads images with consecutive numbers, which follow each other in the file, at once. */
static clr_status read_run(const clr_store *s, const place *run, int n, clr_image *image)
{
    enum { PIECES = 64 };
    struct iovec piece[PIECES];
    clr_status st = CLR_OK;

    for (int k = 0, m; st == CLR_OK && k < n; k += m) {
        m = n - k < PIECES ? n - k : PIECES;
        for (int j = 0; j < m; j++)
            piece[j] = (struct iovec){landing(s, run[k + j].id, &image[run[k + j].at]),
                                      (size_t)clr_store_size(s, run[k + j].id)};
        st = read_pieces(s, piece, m, clr_store_at(s, run[k].id));
        for (int j = 0; st == CLR_OK && j < m; j++)
            st = check(s, run[k + j].id, landing(s, run[k + j].id, &image[run[k + j].at]));
    }
    return st;
}

static int by_id(const void *a, const void *b)
{
    const place *x = a, *y = b;
    return x->id != y->id ? (x->id < y->id ? -1 : 1) : x->at - y->at;
}

clr_status clr_store_read(clr_store *s, const int64_t *ids, int n, int channels, void *buffer, clr_image *image)
{
    uint8_t *at = buffer;
    int32_t shape[3];
    clr_status st = CLR_OK;

    CLR_CHECK(channels == 1 || channels == 3);
    for (int k = 0; k < n; k++) {
        CLR_CHECK(ids[k] >= 0 && ids[k] < s->info.images);
        clr_store_shape(s, ids[k], shape);
        if (shape[2] > channels)
            return clr_fail(CLR_ECONFIG, "%s: image %lld is RGB and gray ones are wanted", s->path, (long long)ids[k]);
        image[k] = (clr_image){shape[0], shape[1], channels, at};
        at += slot(s, ids[k]);
    }
    place *order = (place *)at;
    uint8_t *scratch = at + places(n);
    for (int k = 0; k < n; k++)
        order[k] = (place){ids[k], k};
    qsort(order, (size_t)n, sizeof *order, by_id);
    for (int k = 0, run; st == CLR_OK && k < n; k += run) {
        run = 1;
        if (s->encoded) {
            st = decode_one(s, order[k].id, scratch, &image[order[k].at]);
            continue;
        }
        while (k + run < n && order[k + run].id == order[k + run - 1].id + 1)
            run++;
        st = read_run(s, order + k, run, image);
    }
    for (int k = 0; st == CLR_OK && k < n; k++)
        if (landing(s, ids[k], &image[k]) != image[k].pixels)
            gray_to_rgb(image[k].pixels, (int64_t)image[k].height * image[k].width);
    return st;
}

/* The checksum of an image's pixels. */
static clr_status decoded_checksum(clr_store *s, int64_t id, uint64_t *checksum)
{
    int32_t shape[3];
    clr_image image;
    void *buffer = clr_alloc((size_t)clr_store_bytes(s, &id, 1), 1);

    clr_store_shape(s, id, shape);
    clr_status st = clr_store_read(s, &id, 1, shape[2], buffer, &image);
    if (st == CLR_OK)
        *checksum = clr_hash(CLR_HASH_START, image.pixels, (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2]);
    clr_free(buffer);
    return st;
}

clr_status clr_store_numbers(clr_store *s, bool decoded, uint64_t *number)
{
    char *why = NULL;
    clr_status worst = CLR_OK;

#pragma omp parallel for schedule(dynamic, 16) if (decoded && s->encoded)
    for (int64_t i = 0; i < s->info.images; i++) {
        uint64_t checksum = (uint64_t)s->checksums[i];
        int32_t shape[3];
        clr_status st = decoded && s->encoded ? decoded_checksum(s, i, &checksum) : CLR_OK;
        if (st != CLR_OK) {
#pragma omp critical
            if (!why) {
                why = clr_copy_text(clr_message());
                worst = st;
            }
        }
        clr_store_shape(s, i, shape);
        number[i] = clr_store_fold(CLR_HASH_START, checksum, shape, -1);
    }
    if (worst != CLR_OK)
        clr_fail(worst, "%s", why);
    clr_free(why);
    return worst;
}
