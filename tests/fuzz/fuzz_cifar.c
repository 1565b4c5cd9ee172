/* CIFAR's binary files. The input: a byte that chooses (1: CIFAR-100; 2: as a folder; 4: filled up to whole rows),
   how many bytes are the names of the classes (one byte), these, the file of rows. */
#include "fuzz.h"

#include "clr/mem.h"
#include "clr/read.h"

#include <string.h>
#include <unistd.h>

enum { PLANES = 3 * 32 * 32 };

static void read_all(clr_source *source)
{
    for (int64_t i = 0; i < source->examples; i++) {
        clr_example example;
        if (source->reader->read(source, i, &example) == CLR_OK)
            FUZZ_CHECK(example.label >= 0 && example.label < source->class_count && source->classes[example.label]);
        clr_image_free(&example.image);
        clr_free(example.name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"batches.meta.txt", "fine_label_names.txt"}, *const rows[] = {"test_batch.bin",
                                                                                                      "test.bin"};
    static uint8_t file[1 << 18];
    char path[128];
    clr_source source;

    if (size < 2 || size > sizeof file / 2)
        return 0;
    unsigned hundred = data[0] & 1, folder = data[0] & 2, row = 1 + hundred + PLANES;
    size_t first = data[1] < size - 2 ? data[1] : size - 2, rest = size - 2 - first,
           whole = data[0] & 4 ? (rest + row - 1) / row * row : rest;
    memset(file, 7, whole);
    memcpy(file, data + 2 + first, rest);
    unlink(fuzz_path(path, rows[!hundred]));
    fuzz_file(path, names[hundred], data + 2, first);
    fuzz_file(path, rows[hundred], file, whole);
    fuzz_begin(size);
    if (clr_read_open(folder ? fuzz_folder() : path, folder ? "test" : NULL, &source) == CLR_OK) {
        read_all(&source);
        fuzz_accept();
        clr_read_close(&source);
    }
    return 0;
}

void fuzz_seeds(void)
{
    for (int kind = 0; kind < 8; kind++) {
        uint8_t seed[2 + 24 + 3 * (2 + PLANES)] = {(uint8_t)kind, 24};
        int labels = 1 + kind % 2;
        memcpy(seed + 2, "ant\nbee\r\n\ncicada\ndragon\n", 24);
        for (int i = 0; i < 3; i++)
            for (int p = 0; p < labels + PLANES; p++)
                seed[26 + i * (labels + PLANES) + p] = (uint8_t)(p < labels ? i : p + i);
        fuzz_seed(seed, 26 + (size_t)(kind & 4 ? 40 : 3 * (labels + PLANES)));
    }
}
