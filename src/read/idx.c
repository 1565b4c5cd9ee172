/* SPDX-License-Identifier: BSD-3-Clause */
/* IDX, the format of MNIST: two zero bytes, a type (8: unsigned byte), the rank, the dimensions as big-endian 32-bit
   numbers, the data. Images are (n, H, W) or (n, H, W, C), labels (n), or (n, k) with the class first (QMNIST).
   EMNIST's images are stored with rows and columns exchanged, as MATLAB wrote them: they are read upright. */
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/read.h"
#include "file.h"
#include "gz.h"
#include "idx.h"
#include "place.h"

#include <string.h>

typedef struct own {
    char *name; /* of the images' file */
    clr_gz images;
    int height, width, channels, header; /* as stored */
    bool transposed;
    int32_t *labels; /* NULL: none */
} own;

typedef struct shape {
    int type, rank, header; /* header: bytes */
    int64_t n[4];
} shape;

/* Fills shape from the first bytes of a file; false where they are not those of IDX. */
static bool parse(const uint8_t *b, int64_t bytes, shape *s)
{
    if (bytes < 4 || b[0] || b[1] || b[2] < 8 || b[2] > 14 || b[3] < 1 || b[3] > 4 || bytes < 4 + 4 * b[3])
        return false;
    *s = (shape){.type = b[2], .rank = b[3], .header = 4 + 4 * b[3]};
    for (int i = 0; i < s->rank; i++)
        s->n[i] = (int64_t)b[4 * i + 4] << 24 | b[4 * i + 5] << 16 | b[4 * i + 6] << 8 | b[4 * i + 7];
    return true;
}

static int64_t bytes_of(int type)
{
    return type == 8 || type == 9 ? 1 : type == 11 ? 2 : type == 14 ? 8 : 4;
}

static bool probe(const clr_place *place)
{
    shape s;

    return place->folder ? clr_idx_is_here(place) : parse(place->head, place->head_bytes, &s);
}

/* Opens a file and leaves it behind its header; *found is false where it is no IDX file. */
static clr_status open_file(const char *path, clr_gz *gz, shape *s, bool *found)
{
    uint8_t head[20] = {0};
    int64_t have = 0;
    clr_status st = clr_gz_open(path, gz);

    if (st == CLR_OK)
        st = clr_gz_read(gz, head, 4, &have);
    if (st == CLR_OK && have == 4 && head[3] >= 1 && head[3] <= 4) {
        st = clr_gz_read(gz, head + 4, 4 * head[3], &have);
        have += 4;
    }
    *found = st == CLR_OK && parse(head, have, s);
    return st;
}

/* Reads the file to its end once, so that a cut or damaged one is known before anything is packed. */
static clr_status survey(clr_gz *gz, const shape *s)
{
    enum { PIECE = 1 << 18 };
    int64_t want = bytes_of(s->type), have = 0, n = PIECE;
    clr_status st = CLR_OK;

    for (int i = 0; i < s->rank; i++)
        if (__builtin_mul_overflow(want, s->n[i], &want) || want > INT64_MAX / 2)
            return clr_fail(CLR_EINPUT, "%s: its header claims more bytes than a file can have", gz->file.path);
    char *piece = clr_alloc(PIECE, 1);
    for (; st == CLR_OK && n == PIECE && have <= want; have += n)
        st = clr_gz_read(gz, piece, PIECE, &n);
    clr_free(piece);
    if (st == CLR_OK && have != want)
        st = clr_fail(CLR_EINPUT, "%s: holds %s data than the %lld bytes its header claims", gz->file.path,
                      have < want ? "less" : "more", (long long)want);
    return st;
}

/* A signed or unsigned number of the type's bytes, high byte first. */
static int64_t number(const uint8_t *b, int type)
{
    return type == 8    ? b[0]
           : type == 9  ? (int8_t)b[0]
           : type == 11 ? (int16_t)(b[0] << 8 | b[1])
                        : (int32_t)((uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]);
}

static clr_status fill_labels(own *o, clr_gz *gz, const shape *s, clr_source *source)
{
    enum { MOST = 1 << 16 };
    int64_t row = (s->rank == 2 ? s->n[1] : 1) * bytes_of(s->type);
    uint8_t *bytes = clr_alloc((size_t)row, 1);
    clr_status st = CLR_OK;
    int most = -1;

    o->labels = CLR_NEW(int32_t, source->examples);
    for (int64_t i = 0; st == CLR_OK && i < source->examples; i++) {
        if ((st = clr_gz_at(gz, bytes, row, s->header + i * row)) != CLR_OK)
            break;
        int64_t label = number(bytes, s->type);
        if (label < 0 || label >= MOST)
            st = clr_fail(CLR_EINPUT, "%s: label %lld is %lld; classes are 0 to %d", gz->file.path, (long long)i,
                          (long long)label, MOST - 1);
        o->labels[i] = (int32_t)label;
        most = label > most ? (int)label : most;
    }
    clr_free(bytes);
    if (st != CLR_OK)
        return st;
    st = clr_file_classes(NULL, NULL, 0, most + 1, source);
    source->per_class = CLR_NEW(int64_t, most + 1);
    for (int64_t i = 0; i < source->examples; i++)
        source->per_class[o->labels[i]]++;
    return st;
}

static clr_status read_labels(own *o, const char *path, clr_source *source)
{
    shape s;
    bool found;
    clr_gz gz;
    clr_status st = open_file(path, &gz, &s, &found);

    if (st == CLR_OK &&
        (!found || s.type > 12 || s.rank > 2 || (s.rank == 2 && (s.type != 12 || s.n[1] < 1 || s.n[1] > 1024))))
        st = clr_fail(CLR_EINPUT,
                      "%s: is not an IDX file of labels (magic number 2049; QMNIST's rows of integers 3074)", path);
    else if (st == CLR_OK && s.n[0] != source->examples)
        st = clr_fail(CLR_EINPUT, "%s: holds %lld labels for the %lld images of %s", path, (long long)s.n[0],
                      (long long)source->examples, o->images.file.path);
    if (st == CLR_OK)
        st = survey(&gz, &s);
    if (st == CLR_OK)
        st = fill_labels(o, &gz, &s, source);
    if (st == CLR_OK)
        clr_info("%s: the labels%s", path, s.rank == 2 ? " (the first number of each row)" : "");
    clr_gz_close(&gz);
    return st;
}

static clr_status read_images(own *o, const char *path, clr_source *source)
{
    shape s;
    bool found;
    clr_status st = open_file(path, &o->images, &s, &found);

    if (st != CLR_OK)
        return st;
    if (!found || s.rank < 3)
        return clr_fail(CLR_EINPUT, "%s: is not an IDX file of images (magic number 2051)", path);
    if (s.type != 8)
        return clr_fail(CLR_EINPUT, "%s: is IDX of numbers of type %d; only bytes (8) are read as images", path,
                        s.type);
    o->channels = s.rank == 4 ? (int)s.n[3] : 1;
    if ((s.rank == 4 && s.n[3] != 1 && s.n[3] != 3) || s.n[1] < 1 || s.n[2] < 1 || s.n[1] > CLR_IMAGE_SIDE ||
        s.n[2] > CLR_IMAGE_SIDE || s.n[1] * s.n[2] > CLR_IMAGE_PIXELS)
        return clr_fail(CLR_EINPUT, "%s: %lld x %lld x %lld is no image size that can be packed", path,
                        (long long)s.n[1], (long long)s.n[2], s.rank == 4 ? (long long)s.n[3] : 1LL);
    o->height = (int)s.n[1], o->width = (int)s.n[2], o->header = s.header;
    source->examples = s.n[0];
    return survey(&o->images, &s);
}

static clr_status open_(const clr_place *place, const clr_read_how *how, clr_source *source)
{
    own *o = source->own = CLR_NEW(own, 1);
    char *images = NULL, *labels = NULL;
    clr_status st = clr_idx_find(place, how->split, &images, &labels, &o->transposed);

    if (st == CLR_OK)
        st = read_images(o, images, source);
    if (st == CLR_OK) {
        o->name = clr_copy_text(clr_file_name_of(images));
        if (labels && !how->unlabelled)
            st = read_labels(o, labels, source);
        else if (!how->unlabelled)
            clr_warn("%s: no file of labels lies beside it (train-images-idx3-ubyte has train-labels-idx1-ubyte): "
                     "packed without labels",
                     images);
        if (st == CLR_OK && o->transposed)
            clr_info("%s: EMNIST stores rows for columns; the images are packed upright", images);
    }
    clr_free(images);
    clr_free(labels);
    return st;
}

static clr_status read_(clr_source *source, int64_t i, clr_example *example)
{
    own *o = source->own;
    int h = o->height, w = o->width, channels = o->channels;
    int64_t bytes = (int64_t)h * w * channels;
    clr_image *image = &example->image;

    *example =
        (clr_example){.label = o->labels ? o->labels[i] : -1, .name = clr_text("%s[%lld]", o->name, (long long)i)};
    *image = (clr_image){h, w, channels, clr_alloc((size_t)bytes, 1)};
    clr_status st = clr_gz_at(&o->images, image->pixels, bytes, o->header + i * bytes);
    if (st == CLR_OK && o->transposed) {
        uint8_t *upright = clr_alloc((size_t)bytes, 1);
        for (int y = 0; y < w; y++)
            for (int x = 0; x < h; x++)
                memcpy(upright + ((int64_t)y * h + x) * channels, image->pixels + ((int64_t)x * w + y) * channels,
                       (size_t)channels);
        clr_free(image->pixels);
        *image = (clr_image){w, h, channels, upright};
    }
    if (st != CLR_OK)
        clr_image_free(image);
    return st == CLR_EINPUT ? CLR_EIO : st; /* it was whole when it was opened */
}

static void close_(clr_source *source)
{
    own *o = source->own;

    clr_gz_close(&o->images);
    clr_free(o->name);
    clr_free(o->labels);
    clr_free(o);
}

const clr_reader clr_reader_idx = {
    .name = "idx",
    .help = "IDX files or a folder of them (MNIST, EMNIST, QMNIST: train-images-idx3-ubyte, .gz too)",
    .probe = probe,
    .open = open_,
    .read = read_,
    .close = close_};
