/* SPDX-License-Identifier: BSD-3-Clause */
/* A dataset of `simclr pack`, byte by byte. */
#include "h5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];

    fuzz_begin(size);
    fuzz_file(path, "data.h5", data, size);
    look_around(path);
    if (read_store(path))
        fuzz_accept();
    return 0;
}

static void seed(bool ragged, bool encoded, int channels, int classes)
{
    static const char *const names[] = {"ant", "bee"};
    clr_store_layout layout = {.encoded = encoded, .class_names = names, .classes = classes};
    clr_store_writer *writer;
    char path[128], png[128];

    FUZZ_CHECK(clr_store_create(fuzz_path(path, "seed.h5"), &layout, &writer) == CLR_OK);
    for (int i = 0; i < 3; i++) {
        uint8_t pixels[5 * 4 * 3], file[1024];
        clr_image image = {3 + (ragged ? i : 0), 4, channels, pixels};
        for (int p = 0; p < 5 * 4 * 3; p++)
            pixels[p] = (uint8_t)(p * 7 + i);
        FUZZ_CHECK(clr_image_write_png(fuzz_path(png, "seed.png"), &image) == CLR_OK);
        FILE *in = fopen(png, "re");
        size_t n = fread(file, 1, sizeof file, in);
        fclose(in);
        FUZZ_CHECK(clr_store_append(writer, &image, file, (int64_t)n, classes ? i % classes : -1,
                                    i ? "b/two.png" : "a/one.png") == CLR_OK);
    }
    FUZZ_CHECK(clr_store_commit(writer) == CLR_OK);
    fuzz_seed_file(path);
}

void fuzz_seeds(void)
{
    for (int kind = 0; kind < 8; kind++)
        seed(kind & 1, kind & 2, kind & 4 ? 1 : 3, kind % 3);
}
