/* SPDX-License-Identifier: BSD-3-Clause */
/* The binary files of CIFAR and STL-10. The input: a byte that chooses (its rest of 3: CIFAR-10, CIFAR-100, STL-10;
   4: as a folder; 8: filled up to whole rows), how many bytes are the names of the classes, and STL-10's labels (one
   byte), these, the file of rows. */
#include "fuzz.h"

#include "clr/mem.h"
#include "clr/read.h"

#include <string.h>

static const struct kind {
    const char *names, *labels, *rows;
    size_t row;
} kinds[] = {{"batches.meta.txt", "no_labels", "test_batch.bin", 1 + 3072},
             {"fine_label_names.txt", "no_labels", "test.bin", 2 + 3072},
             {"class_names.txt", "test_y.bin", "test_X.bin", 27648}};

static void read_all(clr_source *source)
{
    for (int64_t i = 0; i < source->examples; i++) {
        clr_example example;
        if (source->reader->read(source, i, &example) == CLR_OK)
            FUZZ_CHECK(example.label < 0 ? !source->classes : example.label < source->class_count);
        clr_image_free(&example.image);
        clr_free(example.name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[1 << 18];
    char path[128];
    clr_source source;

    if (size < 2 || size > sizeof file / 2)
        return 0;
    const struct kind *kind = &kinds[data[0] % 4 % 3];
    size_t first = data[1] < size - 2 ? data[1] : size - 2, rest = size - 2 - first;
    size_t whole = data[0] & 8 ? (rest + kind->row - 1) / kind->row * kind->row : rest;
    memset(file, 7, whole);
    memcpy(file, data + 2 + first, rest);
    fuzz_folder_empty();
    fuzz_file(path, kind->names, data + 2, first);
    fuzz_file(path, kind->labels, data + 2, first);
    fuzz_file(path, kind->rows, file, whole);
    fuzz_begin(size);
    if (clr_read_open(data[0] & 4 ? fuzz_folder() : path, data[0] & 4 ? "test" : NULL, &source) == CLR_OK) {
        read_all(&source);
        clr_read_close(&source);
        fuzz_accept();
    }
    return 0;
}

void fuzz_seeds(void)
{
    for (int kind = 0; kind < 16; kind++) {
        static uint8_t seed[2 + 24 + 3 * 3074];
        size_t first = kind % 4 % 3 == 2 ? (kind & 8 ? 1 : 0) : 24, row = kinds[kind % 4 % 3].row;
        size_t rest = kind & 8 ? 40 : row < 4000 ? 3 * row : 0;
        seed[0] = (uint8_t)kind, seed[1] = (uint8_t)first;
        memcpy(seed + 2, first == 1 ? "\3" : "ant\nbee\r\n\ncicada\ndragon\n", first);
        for (size_t i = 0; i < rest; i++)
            seed[2 + first + i] = (uint8_t)(i % row < 2 ? i / row : i);
        fuzz_seed(seed, 2 + first + rest);
    }
}
