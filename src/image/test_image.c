/* SPDX-License-Identifier: BSD-3-Clause */
/* Every kind of PNG against samples known in advance, JPEG, damage of every kind, shrinking against a plain average. */
#include "clr/image.h"
#include "clr/mem.h"
#include "clr/test.h"

#include "fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* What the decoder has to make of channel c at (y, x), in exact arithmetic. */
static int wanted(kind k, int y, int x, int c)
{
    int n = samples(k.type), colors = n - (n % 2 == 0);
    double most = (1 << k.depth) - 1, alpha = 1, v;

    if (k.type == PNG_COLOR_TYPE_PALETTE) {
        unsigned i = sample(y, x, 0, k.depth);
        v = entry(i, c) / 255.0;
        alpha = k.transparent ? entry(i, 3) / 255.0 : 1;
    } else {
        v = sample(y, x, colors == 1 ? 0 : c, k.depth) / most;
        if (n % 2 == 0)
            alpha = sample(y, x, n - 1, k.depth) / most;
        bool is_key = k.transparent;
        for (int i = 0; i < colors; i++)
            is_key = is_key && sample(y, x, i, k.depth) == sample(3, 5, i, k.depth);
        alpha = is_key ? 0 : alpha;
    }
    return (int)(255 * (v * alpha + 1 - alpha) + 0.5);
}

static const kind kinds[] = {
#define BOTH(type, depth, transparent)       \
    {type, depth, false, transparent, 0, 0}, \
    {                                        \
        type, depth, true, transparent, 0, 0 \
    }
    BOTH(PNG_COLOR_TYPE_GRAY, 1, false),       BOTH(PNG_COLOR_TYPE_GRAY, 2, false),
    BOTH(PNG_COLOR_TYPE_GRAY, 4, false),       BOTH(PNG_COLOR_TYPE_GRAY, 8, false),
    BOTH(PNG_COLOR_TYPE_GRAY, 16, false),      BOTH(PNG_COLOR_TYPE_GRAY, 1, true),
    BOTH(PNG_COLOR_TYPE_GRAY, 2, true),        BOTH(PNG_COLOR_TYPE_GRAY, 4, true),
    BOTH(PNG_COLOR_TYPE_GRAY, 8, true),        BOTH(PNG_COLOR_TYPE_GRAY, 16, true),
    BOTH(PNG_COLOR_TYPE_PALETTE, 1, false),    BOTH(PNG_COLOR_TYPE_PALETTE, 2, false),
    BOTH(PNG_COLOR_TYPE_PALETTE, 4, false),    BOTH(PNG_COLOR_TYPE_PALETTE, 8, false),
    BOTH(PNG_COLOR_TYPE_PALETTE, 1, true),     BOTH(PNG_COLOR_TYPE_PALETTE, 2, true),
    BOTH(PNG_COLOR_TYPE_PALETTE, 4, true),     BOTH(PNG_COLOR_TYPE_PALETTE, 8, true),
    BOTH(PNG_COLOR_TYPE_RGB, 8, false),        BOTH(PNG_COLOR_TYPE_RGB, 16, false),
    BOTH(PNG_COLOR_TYPE_RGB, 8, true),         BOTH(PNG_COLOR_TYPE_RGB, 16, true),
    BOTH(PNG_COLOR_TYPE_RGBA, 8, false),       BOTH(PNG_COLOR_TYPE_RGBA, 16, false),
    BOTH(PNG_COLOR_TYPE_GRAY_ALPHA, 8, false), BOTH(PNG_COLOR_TYPE_GRAY_ALPHA, 16, false),
};

START_TEST(every_kind_of_png)
{
    kind k = kinds[_i];
    bytes b = make_png(k);
    clr_image image;

    ck_assert_msg(clr_image_decode(b.data, b.length, &image) == CLR_OK, "type %d depth %d: %s", k.type, k.depth,
                  clr_message());
    ck_assert_int_eq(image.height, H);
    ck_assert_int_eq(image.width, W);
    ck_assert_int_eq(image.channels, k.type & PNG_COLOR_MASK_COLOR ? 3 : 1);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < image.channels; c++) {
                int is = image.pixels[(y * W + x) * image.channels + c], want = wanted(k, y, x, c);
                ck_assert_msg(is == want, "type %d depth %d interlaced %d transparent %d (%d, %d, %d): %d, not %d",
                              k.type, k.depth, k.interlaced, k.transparent, y, x, c, is, want);
            }
    clr_image_free(&image);
    free(b.data);
}
END_TEST

static void refused(const uint8_t *data, size_t length, const char *what)
{
    clr_image image;

    ck_assert_msg(clr_image_decode(data, length, &image) == CLR_EINPUT, "%s: not refused", what);
    ck_assert_ptr_null(image.pixels);
    ck_assert_uint_gt(strlen(clr_message()), 5);
}

START_TEST(cut_anywhere_is_refused)
{
    bytes b = make_png((kind){PNG_COLOR_TYPE_RGB, 8, false, false, 0, 0});

    for (size_t n = 0; n < b.length; n++)
        refused(b.data, n, "cut PNG");
    free(b.data);
}
END_TEST

/* One wrong bit in a chunk beside the picture leaves every pixel as it was; anywhere else it is refused. */
START_TEST(one_wrong_bit_anywhere_changes_no_pixel)
{
    static const kind all[] = {{PNG_COLOR_TYPE_RGBA, 8, true, false, 0, 0},
                               {PNG_COLOR_TYPE_PALETTE, 4, false, true, 0, 0},
                               {PNG_COLOR_TYPE_RGB, 8, false, true, 0, 0},
                               {PNG_COLOR_TYPE_GRAY, 16, false, true, 0, 0}};
    bytes b = make_png(all[_i]);
    size_t text = chunk_at(&b, "tEXt", 0), gamma = chunk_at(&b, "gAMA", 0), taken = 0;
    clr_image whole, image;

    ck_assert_int_eq(clr_image_decode(b.data, b.length, &whole), CLR_OK);
    for (size_t bit = 0; bit < 8 * b.length; bit += 5) { /* all bits would take too long under valgrind */
        size_t i = bit / 8;
        bool beside = (i >= text && i < text + 12 + chunk_length(&b, text)) || (i >= gamma && i < gamma + 16);
        b.data[i] ^= (uint8_t)(1 << bit % 8);
        clr_status st = clr_image_decode(b.data, b.length, &image);
        b.data[i] ^= (uint8_t)(1 << bit % 8);
        if (st == CLR_OK ? !beside || memcmp(image.pixels, whole.pixels, (size_t)(H * W * whole.channels))
                         : st != CLR_EINPUT)
            ck_abort_msg("bit %d of byte %d: status %d", (int)(bit % 8), (int)i, st);
        taken += st == CLR_OK;
        clr_image_free(&image);
    }
    ck_assert_uint_gt(taken, chunk_length(&b, text));
    clr_image_free(&whole);
    free(b.data);
}
END_TEST

START_TEST(oversized_headers_take_no_memory)
{
    static const uint32_t sizes[][2] = {{0x7fffffff, 0x7fffffff}, {1, 1 << 20}, {32768, 32768}, {0x7fffffff, 1},
                                        {11000, 11000},           {0, 5},       {0x80000000, 4}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bytes b = make_png((kind){PNG_COLOR_TYPE_RGB, 8, i % 2, false, 0, 0});
        uint64_t before = clr_memory_peak();
        put32(b.data + 16, sizes[i][0]);
        put32(b.data + 20, sizes[i][1]);
        put32(b.data + 29, crc(b.data + 12, 17));
        refused(b.data, b.length, "PNG with a header beyond its data");
        ck_assert_uint_lt(clr_memory_peak() - before, 64 << 20);
        free(b.data);
    }
}
END_TEST

START_TEST(other_files_are_refused)
{
    static const char *const others[] = {
        "", "GIF89a and so on", "\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "plain text\n", "\x89PNG\n"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        refused((const uint8_t *)others[i], strlen(others[i]), others[i]);
}
END_TEST

START_TEST(decoding_into_memory_of_the_caller)
{
    bytes b = make_png((kind){PNG_COLOR_TYPE_RGB, 8, false, false, 0, 0});
    uint8_t capacity[H * W * 3 + 1];
    clr_image image;

    capacity[H * W * 3] = 77;
    ck_assert_int_eq(
        clr_image_decode_into(b.data, b.length, NULL, &(clr_image_buffer){capacity, NULL, H * W * 3}, &image), CLR_OK);
    ck_assert_ptr_eq(image.pixels, capacity);
    ck_assert_int_eq(capacity[5], wanted((kind){PNG_COLOR_TYPE_RGB, 8, false, false, 0, 0}, 0, 1, 2));
    ck_assert_int_eq(capacity[H * W * 3], 77);
    ck_assert_int_eq(
        clr_image_decode_into(b.data, b.length, NULL, &(clr_image_buffer){capacity, NULL, H * W * 3 - 1}, &image),
        CLR_EINPUT);
    ck_assert_ptr_null(image.pixels);
    free(b.data);
}
END_TEST

START_TEST(written_png_is_read_back)
{
    char path[] = "test_image_XXXXXX";
    static uint8_t file[1 << 16];
    clr_image again;

    close(mkstemp(path));
    for (int channels = 1; channels <= 3; channels += 2) {
        uint8_t pixels[5 * 7 * 3];
        for (size_t i = 0; i < sizeof pixels; i++)
            pixels[i] = (uint8_t)(i * 71);
        ck_assert_int_eq(clr_image_write_png(path, &(clr_image){5, 7, channels, pixels}), CLR_OK);
        FILE *f = fopen(path, "rb");
        size_t n = fread(file, 1, sizeof file, f);
        fclose(f);
        ck_assert_int_eq(clr_image_decode(file, n, &again), CLR_OK);
        ck_assert_int_eq(again.channels, channels);
        ck_assert_mem_eq(again.pixels, pixels, (size_t)(35 * channels));
        clr_image_free(&again);
    }
    unlink(path);
    uint8_t one = 0;
    ck_assert_int_eq(clr_image_write_png("no/such/folder/x.png", &(clr_image){1, 1, 1, &one}), CLR_EIO);
    ck_assert_ptr_nonnull(strstr(clr_message(), "no/such/folder/x.png"));
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
    struct rlimit before;
    uint8_t *pixels = clr_alloc(256 * 256, 3);

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    bool limited =
        !setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, before.rlim_max}); /* bytes; an assertion writes more */
    clr_status st = clr_image_write_png("full.png", &(clr_image){256, 256, 3, pixels});
    bool restored = !setrlimit(RLIMIT_FSIZE, &before);
    ck_assert(limited && restored);
    ck_assert_int_eq(st, CLR_EIO);
    ck_assert_ptr_nonnull(strstr(clr_message(), "full.png: cannot be written: File too large"));
    DIR *folder = opendir(".");
    for (struct dirent *entry; (entry = readdir(folder));)
        ck_assert_msg(strncmp(entry->d_name, "full.png", 8) != 0, "%s", entry->d_name);
    closedir(folder);
    clr_free(pixels);
}
END_TEST

START_TEST(shrinking_is_the_box_average)
{
    static const int sizes[][3] = {{10, 10, 5}, {13, 29, 7}, {31, 8, 3}, {9, 9, 1}, {64, 48, 47}};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int h = sizes[s][0], w = sizes[s][1], to = sizes[s][2], least = h < w ? h : w;
        uint8_t pixels[64 * 48 * 3];
        for (int i = 0; i < h * w * 3; i++)
            pixels[i] = (uint8_t)((unsigned)i * 2654435761u >> 13);
        clr_image image = {h, w, 3, pixels}, out;
        clr_image_shrink(&image, to, &out);
        ck_assert_int_eq(out.height < out.width ? out.height : out.width, to);
        ck_assert_int_eq(out.height, (h * to + least / 2) / least);
        ck_assert_int_eq(out.width, (w * to + least / 2) / least);
        for (int y = 0; y < out.height; y++)
            for (int x = 0; x < out.width; x++)
                for (int c = 0; c < 3; c++) {
                    double y0 = (double)y * h / out.height, y1 = (y + 1.0) * h / out.height, sum = 0;
                    double x0 = (double)x * w / out.width, x1 = (x + 1.0) * w / out.width;
                    for (int i = 0; i < h; i++)
                        for (int j = 0; j < w; j++) {
                            double a = (i + 1 < y1 ? i + 1 : y1) - (i > y0 ? i : y0);
                            double b = (j + 1 < x1 ? j + 1 : x1) - (j > x0 ? j : x0);
                            if (a > 0 && b > 0)
                                sum += a * b * pixels[(i * w + j) * 3 + c];
                        }
                    double mean = sum / (y1 - y0) / (x1 - x0), is = out.pixels[(y * out.width + x) * 3 + c];
                    ck_assert_msg(is >= mean - 0.5 - 1e-9 && is <= mean + 0.5 + 1e-9,
                                  "%dx%d -> %d at (%d, %d, %d): %g, not %g", h, w, to, y, x, c, is, mean);
                }
        clr_image_free(&out);
        clr_image_shrink(&image, least + 1, &out);
        ck_assert_mem_eq(out.pixels, pixels, (size_t)(h * w * 3));
        clr_image_free(&out);
    }
}
END_TEST

#ifdef HAVE_JPEG
START_TEST(jpeg_of_every_color_space)
{
    static const struct {
        int channels;
        J_COLOR_SPACE space;
    } spaces[] = {{1, JCS_GRAYSCALE}, {3, JCS_RGB}, {4, JCS_CMYK}};
    bytes b = make_jpeg(spaces[_i % 3].channels, spaces[_i % 3].space, (jpeg_extra){.progressive = _i >= 3});
    clr_image image;

    ck_assert_msg(clr_image_decode(b.data, b.length, &image) == CLR_OK, "%s", clr_message());
    ck_assert_int_eq(image.height, 24);
    ck_assert_int_eq(image.width, 40);
    ck_assert_int_eq(image.channels, _i % 3 ? 3 : 1);
    for (int y = 0; y < 24; y++)
        for (int x = 0; x < 40; x++)
            for (int c = 0; c < image.channels; c++) {
                int want = smooth(y, x, c), is = image.pixels[(y * 40 + x) * image.channels + c];
                if (_i % 3 == 2) /* libjpeg marks CMYK files as Adobe's: inks are stored as complements */
                    want = (want * smooth(y, x, 3) + 127) / 255;
                ck_assert_msg(abs(is - want) <= 8, "(%d, %d, %d): %d, not %d", y, x, c, is, want);
            }
    clr_image_free(&image);
    free(b.data);
}
END_TEST

START_TEST(cut_jpeg_is_refused)
{
    bytes b = make_jpeg(3, JCS_RGB, (jpeg_extra){.progressive = _i});

    for (size_t n = 0; n < b.length - 2; n++)
        refused(b.data, n, "cut JPEG");
    free(b.data);
}
END_TEST

START_TEST(oversized_jpeg_takes_no_memory)
{
    bytes b = make_jpeg(3, JCS_RGB, (jpeg_extra){.progressive = _i});
    uint64_t before = clr_memory_peak();
    size_t i = 0;

    while (b.data[i] != 0xff || (b.data[i + 1] & 0xfd) != 0xc0)
        ck_assert_uint_lt(i++, b.length - 9);
    b.data[i + 5] = b.data[i + 7] = 8000 / 256, b.data[i + 6] = b.data[i + 8] = 8000 % 256;
    refused(b.data, b.length, "JPEG with a header beyond its data");
    ck_assert_msg(strstr(clr_message(), "more than its"), "%s", clr_message());
    ck_assert_uint_lt(clr_memory_peak() - before, 64 << 20);
    free(b.data);
}
END_TEST

/* The fewest bits that an encoder can use: one colour, rare sampling factors, codes of one bit. */
START_TEST(flat_jpeg_is_read)
{
    enum { SIDE = 2048 };
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long length = 0;
    JSAMPLE *row = calloc(SIDE, 3);
    clr_image image;

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &length);
    jpeg.image_height = jpeg.image_width = SIDE, jpeg.input_components = 3, jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg.optimize_coding = TRUE;
    jpeg.comp_info[0].h_samp_factor = 4, jpeg.comp_info[0].v_samp_factor = 1;
    jpeg.comp_info[1].h_samp_factor = 1, jpeg.comp_info[1].v_samp_factor = 4;
    if (_i)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < SIDE; y++)
        jpeg_write_scanlines(&jpeg, &row, 1);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    ck_assert_int_eq(clr_image_decode(data, length, &image), CLR_OK);
    ck_assert_int_eq(image.pixels[SIDE * SIDE], 0);
    clr_image_free(&image);
    free(row);
    free(data);
}
END_TEST
#endif

int main(void)
{
    TCase *tcase = tcase_create("image");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, every_kind_of_png, 0, sizeof kinds / sizeof *kinds);
    tcase_add_test(tcase, cut_anywhere_is_refused);
    tcase_add_loop_test(tcase, one_wrong_bit_anywhere_changes_no_pixel, 0, 4);
    tcase_add_test(tcase, oversized_headers_take_no_memory);
    tcase_add_test(tcase, other_files_are_refused);
    tcase_add_test(tcase, decoding_into_memory_of_the_caller);
    tcase_add_test(tcase, written_png_is_read_back);
    tcase_add_test(tcase, a_full_disk_is_an_error);
    tcase_add_test(tcase, shrinking_is_the_box_average);
#ifdef HAVE_JPEG
    tcase_add_loop_test(tcase, jpeg_of_every_color_space, 0, 6);
    tcase_add_loop_test(tcase, cut_jpeg_is_refused, 0, 2);
    tcase_add_loop_test(tcase, oversized_jpeg_takes_no_memory, 0, 2);
    tcase_add_loop_test(tcase, flat_jpeg_is_read, 0, 2);
#endif
    return clr_test_run("image", tcase, CK_FORK_GETENV);
}
