/* SPDX-License-Identifier: BSD-3-Clause */
/* IDX. The input: how many bytes of it are the labels' file (two bytes, big endian), the labels' file, the images'
   file; either may be compressed. */
#include "fuzz.h"

#include "clr/mem.h"
#include "clr/read.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static const char images[] = "train-images-idx3-ubyte", labels[] = "train-labels-idx1-ubyte";

static void read_some(clr_source *source)
{
    enum { SOME = 5 };

    for (int64_t i = 0; i<source->examples; i += source->examples> SOME ? 1 + source->examples / SOME : 1) {
        clr_example example;
        clr_status st = source->reader->read(source, i, &example);
        if (st == CLR_OK)
            FUZZ_CHECK(example.label < source->class_count && example.image.height > 0 && example.image.width > 0);
        clr_image_free(&example.image);
        clr_free(example.name);
        clr_free(example.encoded);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    clr_source source;

    if (size < 2)
        return 0;
    size_t first = (size_t)data[0] << 8 | data[1];
    first = first < size - 2 ? first : size - 2;
    if (first)
        fuzz_file(path, labels, data + 2, first);
    else
        unlink(fuzz_path(path, labels));
    fuzz_file(path, images, data + 2 + first, size - 2 - first);
    fuzz_begin(size);
    if (clr_read_open(size % 2 ? path : fuzz_folder(), NULL, &source) == CLR_OK) {
        read_some(&source);
        fuzz_accept();
        clr_read_close(&source);
    }
    return 0;
}

static size_t idx(uint8_t *file, int rank, const int *n)
{
    size_t bytes = 1;

    memcpy(file, (uint8_t[]){0, 0, 8, (uint8_t)rank}, 4);
    for (int i = 0; i < rank; i++) {
        memcpy(file + 4 + 4 * i, (uint8_t[]){0, 0, (uint8_t)(n[i] >> 8), (uint8_t)n[i]}, 4);
        bytes *= (size_t)n[i];
    }
    for (size_t i = 0; i < bytes; i++)
        file[4 + 4 * rank + (int)i] = (uint8_t)(i % 10);
    return 4 + 4 * (size_t)rank + bytes;
}

/* As gzip has it. */
static size_t squeeze(uint8_t *to, size_t capacity, uint8_t *from, size_t size)
{
    z_stream z = {.next_in = from, .avail_in = (uInt)size, .next_out = to, .avail_out = (uInt)capacity};

    FUZZ_CHECK(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK &&
               deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

void fuzz_seeds(void)
{
    static const int shapes[][4] = {{6, 5, 4, 1}, {6, 5, 4, 3}, {12, 3, 3, 1}};
    uint8_t file[4096], plain[2048];

    for (int kind = 0; kind < 18; kind++) {
        const int *shape = shapes[kind % 3], with = kind / 3 % 3, packed = kind / 9;
        size_t first = with ? idx(plain, 1, shape) : 0, rest;
        if (with == 2)
            first = squeeze(file + 2, sizeof file - 2, plain, first);
        else
            memcpy(file + 2, plain, first);
        file[0] = 0, file[1] = (uint8_t)first;
        rest = idx(plain, shape[3] == 3 ? 4 : 3, shape);
        if (packed)
            rest = squeeze(file + 2 + first, sizeof file - 2 - first, plain, rest);
        else
            memcpy(file + 2 + first, plain, rest);
        fuzz_seed(file, 2 + first + rest);
    }
}
