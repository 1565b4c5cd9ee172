/* SPDX-License-Identifier: BSD-3-Clause */
/* JPEG: baseline, progressive, arithmetic, gray, CMYK. */
#include "image.h"

#include <stdio.h>

/* Whether it may be arithmetic-coded (SOF9, SOF10): then only the memory there is bounds what few bytes may claim. */
static int arithmetic(const uint8_t *data, size_t size)
{
    for (size_t i = 1; i < size; i++)
        if (data[i - 1] == 0xff && (data[i] == 0xc9 || data[i] == 0xca))
            return 1;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begin(arithmetic(data, size) ? FUZZ_MEMORY : size);
    decode(data, size);
    return 0;
}

#ifdef HAVE_JPEG
#include <jpeglib.h>

static void seed(J_COLOR_SPACE space, int samples, int progressive, int arithmetic, int sampling)
{
    enum { W = 19, H = 17 };
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *file = NULL, row[W * 4], *rows[] = {row};
    unsigned long bytes = 0;
    uint8_t exif[6 + 38];

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &file, &bytes);
    jpeg.image_width = W, jpeg.image_height = H;
    jpeg.input_components = samples, jpeg.in_color_space = space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 60, TRUE);
    if (samples == 3)
        jpeg.comp_info[0].h_samp_factor = sampling, jpeg.comp_info[0].v_samp_factor = 3 - sampling;
    jpeg.arith_code = arithmetic;
    jpeg.restart_interval = sampling == 1 ? 2 : 0;
    if (progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    memcpy(exif, "Exif\0", 6);
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, exif, 6 + (unsigned)make_exif(exif + 6, 1 + samples + arithmetic));
    jpeg_write_marker(&jpeg, JPEG_COM, (const JOCTET *)"of no matter", 12);
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W * samples; x++)
            row[x] = (unsigned char)(7 * y + 5 * x);
        jpeg_write_scanlines(&jpeg, rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fuzz_seed(file, bytes);
    free(file);
}

void fuzz_seeds(void)
{
    for (int kind = 0; kind < 8; kind++) {
        int progressive = kind % 2, arithmetic = kind / 2 % 2, sampling = 1 + kind / 4;
        seed(JCS_GRAYSCALE, 1, progressive, arithmetic, sampling);
        seed(JCS_RGB, 3, progressive, arithmetic, sampling);
        seed(JCS_CMYK, 4, progressive, arithmetic, sampling);
    }
}
#else
void fuzz_seeds(void)
{
    fuzz_seed_text("\xff\xd8\xff");
}
#endif
