/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the safetensors format, its JSON by Jansson. */
#include "safetensors.h"

#include "clr/mem.h"
#include "clr/plain.h"
#include "clr/tensor.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#ifdef HAVE_JANSSON
#include <jansson.h>

enum { HEADER = 100 << 20 }; /* bytes, the most of a header, as the format's own reader has it */

/* An open file, its header parsed. */
typedef struct source {
    const char *path;
    FILE *file;
    uint64_t data, bytes; /* where the data begin; how many there are */
    json_t *root;
} source;

static clr_status lies(const source *s, const char *name, const char *what)
{
    return clr_fail(CLR_EINPUT, "%s: its header is damaged%s%s: %s", s->path, name ? " at " : "", name ? name : "",
                    what);
}

static clr_status parse_header(source *s, uint64_t size)
{
    uint8_t length[8];
    uint64_t bytes = 0;
    json_error_t error;

    if (fread(length, 1, sizeof length, s->file) != sizeof length)
        return lies(s, NULL, "the file has fewer than 8 bytes");
    for (int i = 0; i < 8; i++)
        bytes |= (uint64_t)length[i] << 8 * i;
    if (bytes > HEADER || bytes > size - 8)
        return lies(s, NULL, "it claims to be longer than the file");
    char *text = clr_alloc((size_t)bytes + 1, 1);
    bool whole = fread(text, 1, (size_t)bytes, s->file) == bytes;
    if (whole)
        s->root = json_loadb(text, (size_t)bytes, JSON_REJECT_DUPLICATES, &error);
    clr_free(text);
    if (!whole)
        return clr_fail(CLR_EIO, "%s: cannot be read: it became shorter", s->path);
    if (!json_is_object(s->root))
        return lies(s, NULL, s->root ? "no JSON object" : error.text);
    s->data = 8 + bytes;
    s->bytes = size - s->data;
    return CLR_OK;
}

static float half(uint16_t h)
{
    double m = h & 1023, e = h >> 10 & 31,
           value = e == 31 ? (m > 0 ? NAN : INFINITY)
                   : e > 0 ? ldexp(1 + m / 1024, (int)e - 15)
                           : ldexp(m / 1024, -14);
    return (float)(h >> 15 ? -value : value);
}

static const struct {
    const char *word;
    size_t bytes;
} dtypes[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"I64", 8}};
enum { F32, F16, BF16, F64, I64 };

static void convert(const uint8_t *from, int type, clr_weight *w)
{
    float *to = w->data;

    if (type == F32 || type == I64) {
        memcpy(w->data, from, (size_t)w->count * dtypes[type].bytes);
        return;
    }
    for (int64_t i = 0; i < w->count; i++) {
        uint16_t h = 0;
        uint32_t word;
        double d;
        if (type == F64) {
            memcpy(&d, from + 8 * i, sizeof d);
            to[i] = (float)d;
            continue;
        }
        memcpy(&h, from + 2 * i, sizeof h);
        word = (uint32_t)h << 16;
        if (type == F16)
            to[i] = half(h);
        else
            memcpy(&to[i], &word, sizeof word);
    }
}

/* The header's entry for one tensor, after its comparison with the file. */
typedef struct claim {
    int type, rank;
    int64_t shape[CLR_WEIGHTS_RANK];
    uint64_t from, to;
} claim;

static clr_status parse_claim(const source *s, const char *name, const json_t *entry, claim *c)
{
    const char *word = json_string_value(json_object_get(entry, "dtype"));
    const json_t *shape = json_object_get(entry, "shape"), *place = json_object_get(entry, "data_offsets");
    double count = 1;

    *c = (claim){0};
    while (c->type < (int)CLR_COUNT(dtypes) && (!word || strcmp(word, dtypes[c->type].word)))
        c->type++;
    if (!word || !json_is_array(shape) || !json_is_array(place) || json_array_size(place) != 2)
        return lies(s, name, "dtype, shape or data_offsets is missing");
    if (c->type == (int)CLR_COUNT(dtypes))
        return clr_fail(CLR_EINPUT, "%s: %s is of type %s; F32, F16, BF16, F64 and I64 are read", s->path, name, word);
    if (json_array_size(shape) > CLR_WEIGHTS_RANK || strlen(name) >= CLR_WEIGHTS_NAME)
        return clr_fail(CLR_EINPUT, "%s: %s is no weight of a network: more than %d dimensions, or a longer name",
                        s->path, name, CLR_WEIGHTS_RANK);
    c->rank = (int)json_array_size(shape);
    for (int i = 0; i < c->rank; i++) {
        const json_t *d = json_array_get(shape, (size_t)i);
        if (!json_is_integer(d) || json_integer_value(d) < 1)
            return lies(s, name, "a dimension is no positive number");
        count *= (double)(c->shape[i] = json_integer_value(d));
    }
    const json_t *from = json_array_get(place, 0), *to = json_array_get(place, 1);
    if (!json_is_integer(from) || !json_is_integer(to) || json_integer_value(from) < 0 ||
        json_integer_value(to) < json_integer_value(from) || (uint64_t)json_integer_value(to) > s->bytes)
        return lies(s, name, "its bytes are not in the file");
    c->from = (uint64_t)json_integer_value(from);
    c->to = (uint64_t)json_integer_value(to);
    if ((double)(c->to - c->from) != count * (double)dtypes[c->type].bytes)
        return lies(s, name, "its shape and its bytes do not fit each other");
    if (c->type == I64 && count != 1)
        return clr_fail(CLR_EINPUT, "%s: %s is I64 of %g numbers; only counters are whole numbers", s->path, name,
                        count);
    return CLR_OK;
}

static clr_status read_tensor(const source *s, const char *name, const claim *c, clr_weights *weights)
{
    size_t bytes = (size_t)(c->to - c->from);
    uint8_t *raw = clr_alloc(bytes, 1);
    clr_status st = CLR_OK;

    if (fseeko(s->file, (off_t)(s->data + c->from), SEEK_SET) || fread(raw, 1, bytes, s->file) != bytes)
        st = clr_fail(CLR_EIO, "%s: %s cannot be read: %s", s->path, name,
                      ferror(s->file) ? strerror(errno) : "the file became shorter");
    else
        convert(raw, c->type, clr_weights_add(weights, name, c->type == I64, c->type == I64 ? 0 : c->rank, c->shape));
    clr_free(raw);
    return st;
}

/* No byte belongs to two tensors: the bytes of all together are as many as the file has. */
static clr_status read_all(const source *s, clr_weights *weights)
{
    const char *name;
    json_t *entry;
    uint64_t total = 0, last = 0;
    clr_status st = CLR_OK;
    claim c;

    json_object_foreach(s->root, name, entry)
    {
        if (st != CLR_OK || !strcmp(name, "__metadata__"))
            continue;
        if ((st = parse_claim(s, name, entry, &c)) != CLR_OK)
            continue;
        total += c.to - c.from;
        last = c.to > last ? c.to : last;
        st = total > s->bytes ? lies(s, name, "tensors overlap") : read_tensor(s, name, &c, weights);
    }
    if (st == CLR_OK && (total != last || last != s->bytes))
        st = lies(s, NULL, "tensors overlap or leave gaps");
    return st;
}

clr_status clr_safetensors_read(const char *path, clr_weights *weights)
{
    struct stat attributes;
    source s = {.path = path};
    clr_status st = CLR_OK;

    if (stat(path, &attributes)) /* before it is opened: a pipe would be waited for */
        return clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(attributes.st_mode))
        return clr_fail(CLR_EINPUT, "%s: is %s, not a file", path, clr_plain_kind(attributes.st_mode));
    s.file = fopen(path, "rb");
    if (!s.file || fstat(fileno(s.file), &attributes))
        st = clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
    else if (attributes.st_size < 8)
        st = clr_fail(CLR_EINPUT, "%s: is no safetensors file: it has %lld bytes", path, (long long)attributes.st_size);
    if (st == CLR_OK)
        st = parse_header(&s, (uint64_t)attributes.st_size);
    if (st == CLR_OK)
        st = read_all(&s, weights);
    json_decref(s.root);
    if (s.file)
        fclose(s.file);
    return st;
}
#else
static clr_status missing(const char *path)
{
    return clr_fail(CLR_EUSAGE, "%s: this simclr was built without Jansson (libjansson-dev); .h5 needs none", path);
}

clr_status clr_safetensors_read(const char *path, clr_weights *weights)
{
    (void)weights;
    return missing(path);
}
#endif
