/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that are whole but odd beside their pixels, and those that only look so; EXIF's orientation; ranges of 16
   bits. */
#include "clr/image.h"
#include "clr/mem.h"
#include "codec.h"
#include "fixture.h"

#include <math.h>

static const kind gray = {PNG_COLOR_TYPE_GRAY, 8, false, false, 0, 0},
                  gray_alpha = {PNG_COLOR_TYPE_GRAY_ALPHA, 8, false, false, 0, 0},
                  rgb = {PNG_COLOR_TYPE_RGB, 8, false, false, 0, 0},
                  rgba = {PNG_COLOR_TYPE_RGBA, 8, false, false, 0, 0},
                  palette = {PNG_COLOR_TYPE_PALETTE, 4, false, false, 0, 0},
                  key = {PNG_COLOR_TYPE_GRAY, 8, false, true, 0, 0},
                  again = {PNG_COLOR_TYPE_RGBA, 8, false, false, 8, 0},
                  laced = {PNG_COLOR_TYPE_PALETTE, 4, true, false, 0, 0};

/* A change to the file of a picture of some kind; arguments by what it does. */
typedef struct oddity {
    const kind *of;
    const char *what;
    enum { ADD, RESIZE, CHECKSUM, BEHIND_IDAT, BEHIND_IEND, FEWER_ROWS, ADLER, WINDOW, MOVE } how;
    const char *name;   /* of the chunk */
    const char *before; /* ADD, MOVE: of the chunk that it is put before */
    size_t bytes;       /* ADD, RESIZE: zeros */
} oddity;

static void make_odd(bytes *b, const oddity *o)
{
    size_t at = o->name ? chunk_at(b, o->name, 0) : 0, n;
    uint8_t *data = calloc(1, o->bytes + 1), *taken;

    switch (o->how) {
    case ADD: add_chunk(b, chunk_at(b, o->before, 0), o->name, data, o->bytes); break;
    case RESIZE: resize_chunk(b, o->name, o->bytes); break;
    case CHECKSUM: b->data[at + 8 + chunk_length(b, at)] ^= 1; break;
    case BEHIND_IDAT: resize_chunk(b, "IDAT", chunk_length(b, chunk_at(b, "IDAT", 0)) + o->bytes); break;
    case BEHIND_IEND:
        b->data = realloc(b->data, b->length + o->bytes);
        memset(b->data + b->length, 7, o->bytes);
        b->length += o->bytes;
        break;
    case FEWER_ROWS:
        put32(b->data + 20, H - (uint32_t)o->bytes);
        put32(b->data + 29, crc(b->data + 12, 17));
        break;
    case ADLER:
    case WINDOW: /* of 256 bytes, with the check bits that go with it */
        n = take_chunk(b, chunk_at(b, "IDAT", 0), &taken);
        if (o->how == ADLER)
            taken[n - 1] ^= 1;
        else
            memcpy(taken, "\x08\x1d", 2);
        add_chunk(b, chunk_at(b, "IEND", 0), "IDAT", taken, n);
        free(taken);
        break;
    case MOVE:
        n = take_chunk(b, at, &taken);
        add_chunk(b, chunk_at(b, o->before, 0), o->name, taken, n);
        free(taken);
        break;
    }
    free(data);
}

static const oddity whole[] = {
    {&rgb, "a byte behind the compressed data", BEHIND_IDAT, NULL, NULL, 1},
    {&laced, "many bytes behind the compressed data", BEHIND_IDAT, NULL, NULL, 5000},
    {&rgb, "an empty IDAT behind the picture", ADD, "IDAT", "IEND", 0},
    {&rgb, "an IDAT behind the picture", ADD, "IDAT", "IEND", 9},
    {&again, "a window smaller than the one used", WINDOW, NULL, NULL, 0},
    {&gray, "rows behind the picture", FEWER_ROWS, NULL, NULL, 3},
    {&rgb, "bytes behind the end", BEHIND_IEND, NULL, NULL, 4000},
    {&gray, "a palette in gray", ADD, "PLTE", "IDAT", 48},
    {&gray_alpha, "a palette in gray with alpha", ADD, "PLTE", "IDAT", 48},
    {&rgb, "a suggested palette", ADD, "PLTE", "IDAT", 48},
    {&rgb, "a suggested palette of odd length", ADD, "PLTE", "IDAT", 47},
    {&rgb, "a suggested palette of 300 colours", ADD, "PLTE", "IDAT", 900},
    {&rgba, "a transparent colour beside alpha", ADD, "tRNS", "IDAT", 6},
    {&rgb, "a transparent colour of 7 bytes", ADD, "tRNS", "IDAT", 7},
    {&gray, "a transparent gray of 6 bytes", ADD, "tRNS", "IDAT", 6},
    {&palette, "more alphas than colours", ADD, "tRNS", "IDAT", 17},
    {&palette, "no alphas", ADD, "tRNS", "IDAT", 0},
    {&palette, "alphas before the palette", ADD, "tRNS", "PLTE", 4},
    {&rgb, "a transparent colour behind the picture", ADD, "tRNS", "IEND", 6},
    {&rgb, "9 MB of text", ADD, "tEXt", "IDAT", 9000000},
    {&rgb, "9 MB of text behind the picture", ADD, "iTXt", "IEND", 9000000},
    {&gray, "9 MB of compressed text", ADD, "zTXt", "IDAT", 9000000},
    {&rgb, "a colour profile of 9 MB", ADD, "iCCP", "IDAT", 9000000},
    {&rgb, "an empty colour profile", ADD, "iCCP", "IDAT", 0},
    {&rgb, "a gamma of 3 bytes", RESIZE, "gAMA", NULL, 3},
    {&rgb, "a gamma of 0", ADD, "gAMA", "IDAT", 4},
    {&rgb, "a gamma behind the picture", MOVE, "gAMA", "IEND", 0},
    {&rgb, "chromaticities of 5 bytes", ADD, "cHRM", "IDAT", 5},
    {&rgb, "a unit of 1 byte", ADD, "pHYs", "IDAT", 1},
    {&rgb, "a histogram without a palette", ADD, "hIST", "IDAT", 32},
    {&rgb, "a time of 3 bytes behind the picture", ADD, "tIME", "IEND", 3},
    {&rgb, "EXIF of zeros", ADD, "eXIf", "IDAT", 30},
    {&rgb, "empty EXIF", ADD, "eXIf", "IEND", 0},
    {&rgb, "a chunk that nobody knows", ADD, "teSt", "IDAT", 70},
    {&rgb, "a chunk that nobody knows, behind the picture", ADD, "prVt", "IEND", 70},
    {&rgb, "an animation's chunk", ADD, "acTL", "IDAT", 8},
    {&rgb, "a text with a wrong checksum", CHECKSUM, "tEXt", NULL, 0},
    {&rgb, "a gamma with a wrong checksum", CHECKSUM, "gAMA", NULL, 0},
};

START_TEST(whole_but_odd_is_read)
{
    const oddity *o = &whole[_i];
    bytes plain = make_png(*o->of), odd = make_png(*o->of);
    clr_image want, is;

    make_odd(&odd, o);
    ck_assert_int_eq(clr_image_decode(plain.data, plain.length, &want), CLR_OK);
    ck_assert_msg(clr_image_decode(odd.data, odd.length, &is) == CLR_OK, "%s: %s", o->what, clr_message());
    ck_assert_int_eq(is.width, want.width);
    ck_assert_int_eq(is.channels, want.channels);
    ck_assert_int_eq(is.height, want.height - (o->how == FEWER_ROWS ? (int)o->bytes : 0));
    ck_assert_msg(!memcmp(is.pixels, want.pixels, (size_t)(is.height * is.width * is.channels)), "%s: other pixels",
                  o->what);
    clr_image_free(&want);
    clr_image_free(&is);
    free(plain.data);
    free(odd.data);
}
END_TEST

static const oddity damaged[] = {
    {&palette, "numbers of colours beyond the palette", RESIZE, "PLTE", NULL, 15},
    {&laced, "numbers of colours beyond the palette", RESIZE, "PLTE", NULL, 3},
    {&palette, "an empty palette", RESIZE, "PLTE", NULL, 0},
    {&palette, "a palette of 4 bytes", RESIZE, "PLTE", NULL, 4},
    {&palette, "a palette behind the picture", MOVE, "PLTE", "IEND", 0},
    {&palette, "a palette with a wrong checksum", CHECKSUM, "PLTE", NULL, 0},
    {&key, "a transparent gray with a wrong checksum", CHECKSUM, "tRNS", NULL, 0},
    {&rgb, "a header with a wrong checksum", CHECKSUM, "IHDR", NULL, 0},
    {&rgb, "pixels with a wrong checksum", CHECKSUM, "IDAT", NULL, 0},
    {&rgb, "an end with a wrong checksum", CHECKSUM, "IEND", NULL, 0},
    {&rgb, "pixels whose own checksum is another", ADLER, NULL, NULL, 0},
    {&rgb, "fewer pixels than the header says", RESIZE, "IDAT", NULL, 60},
    {&rgb, "more rows than there are pixels for", FEWER_ROWS, NULL, NULL, (size_t)-1},
    {&rgb, "a chunk that is needed and nobody knows", ADD, "TeSt", "IDAT", 4},
    {&rgb, "Apple's own kind of PNG", ADD, "CgBI", "IHDR", 4},
    {&rgb, "two headers", ADD, "IHDR", "IDAT", 13},
};

START_TEST(damaged_is_refused)
{
    const oddity *o = &damaged[_i];
    bytes b = make_png(*o->of);
    clr_image image;

    make_odd(&b, o);
    ck_assert_msg(clr_image_decode(b.data, b.length, &image) == CLR_EINPUT, "%s: not refused", o->what);
    ck_assert_ptr_null(image.pixels);
    free(b.data);
}
END_TEST

/* An EXIF block of one directory at the place at, whose second entry says value. */
enum { EXIF = 64 };
static size_t make_exif(uint8_t *exif, bool big, size_t at, int type, uint32_t count, uint32_t value)
{
    uint32_t numbers[][3] = {{2, 42, 2},
                             {4, (uint32_t)at, 4},
                             {(uint32_t)at, 2, 2},
                             {(uint32_t)at + 2, 0x0100, 2},
                             {(uint32_t)at + 4, 3, 2},
                             {(uint32_t)at + 6, 1, 4},
                             {(uint32_t)at + 14, 0x0112, 2},
                             {(uint32_t)at + 16, (uint32_t)type, 2},
                             {(uint32_t)at + 18, count, 4},
                             {(uint32_t)at + 22, value, type == 3 ? 2 : 4}};

    memset(exif, 0, EXIF);
    memcpy(exif, big ? "MM" : "II", 2);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (uint32_t k = 0; k < numbers[i][2]; k++)
            exif[numbers[i][0] + k] = (uint8_t)(numbers[i][1] >> 8 * (big ? numbers[i][2] - 1 - k : k));
    return at + 26;
}

/* Of a block of just that size: a byte read behind it would show under a sanitizer. */
static int orientation_of(const uint8_t *exif, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, exif, n);
    int orientation = clr_exif_orientation(copy, n);
    free(copy);
    return orientation;
}

START_TEST(orientation_is_read_in_both_byte_orders)
{
    uint8_t exif[6 + EXIF] = "Exif\0";
    bool big = _i;

    for (int value = 0; value < 12; value++)
        for (int type = 3; type <= 4; type++) {
            size_t n = make_exif(exif + 6, big, 8 + (size_t)value, type, 1, (uint32_t)value);
            int want = value >= 1 && value <= 8 ? value : 0;
            ck_assert_int_eq(orientation_of(exif + 6, n), want);
            ck_assert_int_eq(orientation_of(exif, 6 + n), want);
            for (size_t cut = 0; cut < n; cut++)
                ck_assert_int_eq(orientation_of(exif + 6, cut), 0);
            make_exif(exif + 6, big, 8 + (size_t)value, type, 2, (uint32_t)value);
            ck_assert_int_eq(orientation_of(exif + 6, n), 0);
        }
    make_exif(exif, big, 8, 5, 1, 6);
    ck_assert_int_eq(orientation_of(exif, EXIF), 0);
    exif[2] ^= 1;
    ck_assert_int_eq(orientation_of(exif, EXIF), 0);
}
END_TEST

START_TEST(no_exif_block_is_read_beyond_its_end)
{
    uint8_t exif[EXIF];
    uint32_t state = 1;

    for (int i = 0; i < 200000; i++) {
        size_t n = make_exif(exif, i % 2, 8, 3, 1, 6);
        for (int k = 0; k < 3; k++) {
            state = state * 1664525 + 1013904223;
            exif[2 + (state >> 8) % (n - 2)] = (uint8_t)(state >> 24);
        }
        int orientation = orientation_of(exif, (state >> 4) % (n + 1));
        if (orientation < 0 || orientation > 8)
            ck_abort_msg("orientation %d", orientation);
    }
}
END_TEST

/* Where EXIF says that the first row and the first column of a stored picture lie in the upright one. */
START_TEST(each_orientation_is_turned_upright)
{
    enum { TOP, BOTTOM, LEFT, RIGHT };
    static const int sides[9][2] = {{0, 0},      {TOP, LEFT},  {TOP, RIGHT},    {BOTTOM, RIGHT}, {BOTTOM, LEFT},
                                    {LEFT, TOP}, {RIGHT, TOP}, {RIGHT, BOTTOM}, {LEFT, BOTTOM}};
    enum { HIGH = 3, WIDE = 5 };
    uint8_t stored[HIGH * WIDE * 3], turned[HIGH * WIDE * 3];

    for (int i = 0; i < HIGH * WIDE * 3; i++)
        stored[i] = (uint8_t)(i * 5 + 1);
    for (int channels = 1; channels <= 3; channels += 2) {
        clr_image out = {.pixels = turned};
        clr_image_turn(&(clr_image){HIGH, WIDE, channels, stored}, _i, &out);
        ck_assert_int_eq(out.height, _i < 5 ? HIGH : WIDE);
        ck_assert_int_eq(out.width, _i < 5 ? WIDE : HIGH);
        for (int y = 0; y < HIGH; y++)
            for (int x = 0; x < WIDE; x++) {
                int from_first[2] = {y, x}, at[2] = {0, 0}; /* from the first row and column; in the upright picture */
                for (int i = 0; i < 2; i++)
                    switch (sides[_i][i]) {
                    case TOP: at[0] = from_first[i]; break;
                    case BOTTOM: at[0] = out.height - 1 - from_first[i]; break;
                    case LEFT: at[1] = from_first[i]; break;
                    default: at[1] = out.width - 1 - from_first[i]; break;
                    }
                if (memcmp(turned + (at[0] * out.width + at[1]) * channels, stored + (y * WIDE + x) * channels,
                           (size_t)channels))
                    ck_abort_msg("orientation %d: (%d, %d) is not at (%d, %d)", _i, y, x, at[0], at[1]);
            }
    }
}
END_TEST

START_TEST(png_is_turned_where_that_is_wanted)
{
    static const clr_image_rules upright = {.upright = true};
    uint8_t exif[EXIF], into[H * W * 3], spare[H * W * 3];
    size_t n = make_exif(exif, true, 8, 3, 1, 6);
    bytes b = make_png(rgb);
    clr_image plain, image;
    clr_image_info info;

    add_chunk(&b, chunk_at(&b, _i ? "IEND" : "IDAT", 0), "eXIf", exif, n);
    ck_assert_int_eq(clr_image_decode_by(b.data, b.length, NULL, &plain, &info), CLR_OK);
    ck_assert_int_eq(info.orientation, 6);
    ck_assert_int_eq(plain.height, H);
    ck_assert_int_eq(clr_image_decode_by(b.data, b.length, &upright, &image, &info), CLR_OK);
    ck_assert_int_eq(info.orientation, 6);
    ck_assert_int_eq(image.height, W);
    ck_assert_int_eq(image.width, H);
    ck_assert_mem_eq(image.pixels + 3 * (H - 1), plain.pixels,
                     3); /* the stored first pixel is at the right of the top */
    clr_image same;
    ck_assert_int_eq(
        clr_image_decode_into(b.data, b.length, &upright, &(clr_image_buffer){into, spare, sizeof into}, &same),
        CLR_OK);
    ck_assert_int_eq(same.height, W);
    ck_assert_ptr_eq(same.pixels, into);
    ck_assert_mem_eq(into, image.pixels, sizeof into);
    clr_image_free(&plain);
    clr_image_free(&image);
    free(b.data);
}
END_TEST

static const struct range {
    kind kind;
    clr_image_rules rules;
    bool few; /* of 256 levels are left */
} ranges[] = {
    {{PNG_COLOR_TYPE_GRAY, 16, false, false, 548, 3548}, {0}, true},
    {{PNG_COLOR_TYPE_GRAY, 16, true, false, 548, 3548}, {.low = 548, .high = 3548}, false},
    {{PNG_COLOR_TYPE_GRAY, 16, false, false, 548, 3548},
     {.low = 1000, .high = 2000},
     true}, /* most samples are beyond it */
    {{PNG_COLOR_TYPE_GRAY, 16, false, false, 548, 3548}, {.stretch = true}, false},
    {{PNG_COLOR_TYPE_GRAY, 16, true, false, 548, 3548}, {.stretch = true}, false},
    {{PNG_COLOR_TYPE_RGB, 16, false, false, 0, 4095}, {0}, true},
    {{PNG_COLOR_TYPE_RGB, 16, false, false, 32768, 33791}, {.stretch = true}, false},
    {{PNG_COLOR_TYPE_GRAY, 16, false, false, 7, 7}, {.stretch = true}, false},
    {{PNG_COLOR_TYPE_GRAY, 16, false, false, 0, 1}, {0}, true},
    {{PNG_COLOR_TYPE_GRAY, 16, false, false, 0, 0}, {0}, false},
    {{PNG_COLOR_TYPE_RGB, 8, false, false, 0, 0}, {.low = 1, .high = 2}, false},
};

START_TEST(samples_of_16_bits_are_scaled)
{
    kind k = ranges[_i].kind;
    clr_image_rules rules = ranges[_i].rules;
    bytes b = make_png(k);
    clr_image image;
    clr_image_info info;
    double low = 65535, high = 0, most = k.depth == 16 ? 65535 : 255;

    ck_assert_msg(clr_image_decode_by(b.data, b.length, &rules, &image, &info) == CLR_OK, "%s", clr_message());
    for (int i = 0; i < H * W * samples(k.type); i++) {
        unsigned v = sample_of(k, i / samples(k.type) / W, i / samples(k.type) % W, i % samples(k.type));
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    if (k.depth == 16) {
        ck_assert_int_eq(info.low, (int)low);
        ck_assert_int_eq(info.high, (int)high);
        ck_assert_int_gt(info.samples, 0);
        ck_assert(info.levels <= info.samples && info.levels > 0);
        ck_assert_int_eq(info.samples >= 2 * info.levels, ranges[_i].few);
    } else {
        ck_assert_int_eq(info.samples, 0);
    }
    double black = k.depth == 8 ? 0 : rules.stretch ? low : rules.low;
    double white = k.depth == 8 ? 255 : rules.stretch ? (high > low ? high : low + 1) : rules.high ? rules.high : most;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < image.channels; c++) {
                double v = fmin(1, fmax(0, (sample_of(k, y, x, c) - black) / (white - black)));
                int is = image.pixels[(y * W + x) * image.channels + c], want = (int)(255 * v + 0.5);
                if (is != want)
                    ck_abort_msg("(%d, %d, %d): %d, not %d", y, x, c, is, want);
            }
    clr_image_free(&image);
    free(b.data);
}
END_TEST

/* Transparent pixels have samples that nobody sees: they are not in the range. */
START_TEST(transparent_samples_have_no_range)
{
    kind k = {PNG_COLOR_TYPE_GRAY, 16, false, true, 100, 104}; /* the key is a sample of the full range */
    uint8_t *was, gray_key[2] = {0, 100};
    bytes b = make_png(k);
    clr_image image;
    clr_image_info info;

    take_chunk(&b, chunk_at(&b, "tRNS", 0), &was);
    free(was);
    add_chunk(&b, chunk_at(&b, "IDAT", 0), "tRNS", gray_key, 2);
    ck_assert_int_eq(clr_image_decode_by(b.data, b.length, &(clr_image_rules){.stretch = true}, &image, &info), CLR_OK);
    ck_assert_int_eq(info.low, 101);
    ck_assert_int_eq(info.high, 104);
    for (int i = 0; i < H * W; i++) {
        unsigned v = sample_of(k, i / W, i % W, 0);
        ck_assert_int_eq(image.pixels[i], v == 100 ? 255 : (v - 101) * 85);
    }
    clr_image_free(&image);
    free(b.data);
}
END_TEST

START_TEST(ranges_are_words_or_two_numbers)
{
    static const char *const wrong[] = {"",    "ful",     "image ", "-1-5", "5",    "5-",    "7-7",
                                        "9-3", "0-65536", "1-2-3",  "+1-5", " 1-5", "0x1-5", "1--5"};
    clr_image_rules rules;
    char text[CLR_IMAGE_RANGE];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(clr_image_range_parse(wrong[i], &rules) == CLR_EUSAGE, "'%s' is a range", wrong[i]);
    for (size_t i = 0; i < 3; i++) {
        static const char *const right[] = {"full", "image", "12-65535"};
        ck_assert_int_eq(clr_image_range_parse(right[i], &rules), CLR_OK);
        clr_image_range_text(&rules, text);
        ck_assert_str_eq(text, right[i]);
    }
}
END_TEST

START_TEST(colour_profiles_of_png_are_told)
{
    static const struct {
        const char *name;
        const char *data;
        size_t n;
        bool told;
    } all[] = {{"iCCP", "sRGB IEC61966-2.1\0\0x", 20, false},
               {"iCCP", "Adobe RGB (1998)\0\0x", 19, true},
               {"gAMA", "\0\0\xb1\x8f", 4, false},
               {"gAMA", "\0\1\x86\xa0", 4, true},
               {"gAMA", "\0\0\xb1", 3, false},
               {"tEXt", "Adobe RGB\0x", 11, false}};
    bytes b = make_png(rgb);
    uint8_t *gamma;
    clr_image image;
    clr_image_info info;

    take_chunk(&b, chunk_at(&b, "gAMA", 0), &gamma);
    free(gamma);
    add_chunk(&b, chunk_at(&b, "IDAT", 0), all[_i].name, all[_i].data, all[_i].n);
    ck_assert_int_eq(clr_image_decode_by(b.data, b.length, NULL, &image, &info), CLR_OK);
    ck_assert_int_eq(info.profile, all[_i].told);
    clr_image_free(&image);
    free(b.data);
}
END_TEST

/* How often this process has read, by the system's count; -1 where it does not say. */
static long reads(void)
{
    char line[64];
    long n = -1;
    FILE *file = fopen("/proc/self/io", "r");

    while (file && fgets(line, sizeof line, file))
        sscanf(line, "syscr: %ld", &n);
    if (file)
        fclose(file);
    return n;
}

START_TEST(small_pictures_do_not_ask_for_the_memory)
{
    bytes b = make_png(rgb);
    clr_image image;
    long before = reads();

    for (int i = 0; i < 200; i++) {
        if (clr_image_decode(b.data, b.length, &image) != CLR_OK)
            ck_abort_msg("%s", clr_message());
        clr_image_free(&image);
    }
    ck_assert_msg(before < 0 || reads() - before < 100, "%ld reads for 200 pictures in memory", reads() - before);
    free(b.data);
}
END_TEST

#ifdef HAVE_JPEG
START_TEST(jpeg_markers_are_told)
{
    static const char named[] = "ICC_PROFILE\0\1\1....desc....sRGB IEC61966-2.1",
                      wide[] = "ICC_PROFILE\0\1\1....mluc....\0s\0R\0G\0B",
                      other[] = "ICC_PROFILE\0\1\1....desc....Display P3";
    uint8_t exif[6 + EXIF] = "Exif\0";
    unsigned n = (unsigned)(6 + make_exif(exif + 6, false, 8, 3, 1, 8));
    const struct {
        int channels;
        J_COLOR_SPACE space;
        jpeg_extra extra;
        int orientation;
        bool profile, cmyk, unmarked;
    } all[] = {
        {3, JCS_RGB, {.marker = 0}, 0, false, false, false},
        {3, JCS_RGB, {.marker = JPEG_APP0 + 1, .data = exif, .length = n}, 8, false, false, false},
        {1,
         JCS_GRAYSCALE,
         {.progressive = true, .marker = JPEG_APP0 + 1, .data = exif, .length = n},
         8,
         false,
         false,
         false},
        {3, JCS_RGB, {.marker = JPEG_APP0 + 1, .data = exif, .length = n - 5}, 0, false, false, false},
        {3,
         JCS_RGB,
         {.marker = JPEG_APP0 + 1, .data = "http://ns.adobe.com/xap/1.0/", .length = 28},
         0,
         false,
         false,
         false},
        {3, JCS_RGB, {.marker = JPEG_APP0 + 2, .data = named, .length = sizeof named}, 0, false, false, false},
        {3, JCS_RGB, {.marker = JPEG_APP0 + 2, .data = wide, .length = sizeof wide}, 0, false, false, false},
        {3, JCS_RGB, {.marker = JPEG_APP0 + 2, .data = other, .length = sizeof other}, 0, true, false, false},
        {4, JCS_CMYK, {.marker = 0}, 0, false, true, false},
        {4, JCS_CMYK, {.unmarked = true}, 0, false, true, true},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bytes b = make_jpeg(all[i].channels, all[i].space, all[i].extra);
        clr_image image;
        clr_image_info info;
        ck_assert_msg(clr_image_decode_by(b.data, b.length, &(clr_image_rules){.upright = true}, &image, &info) ==
                          CLR_OK,
                      "%s", clr_message());
        ck_assert_int_eq(info.orientation, all[i].orientation);
        ck_assert_int_eq(image.height, all[i].orientation ? 40 : 24);
        ck_assert(info.profile == all[i].profile && info.cmyk == all[i].cmyk && info.unmarked == all[i].unmarked);
        clr_image_free(&image);
        free(b.data);
    }
}
END_TEST

START_TEST(other_kinds_of_jpeg_are_not_called_damaged)
{
    bytes b = make_jpeg(3, JCS_RGB, (jpeg_extra){.marker = 0});
    clr_image image;

    for (size_t i = 0; i + 4 < b.length; i++)
        if (b.data[i] == 0xff && b.data[i + 1] == 0xc0) {
            b.data[i + (_i ? 1 : 4)] = _i ? 0xc3 : 12; /* lossless; 12 bits */
            break;
        }
    ck_assert_int_eq(clr_image_decode(b.data, b.length, &image), CLR_EINPUT);
    ck_assert_msg(strstr(clr_message(), "does not read") && !strstr(clr_message(), "damaged"), "%s", clr_message());
    free(b.data);
}
END_TEST
#endif

int main(void)
{
    TCase *tcase = tcase_create("odd");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, whole_but_odd_is_read, 0, sizeof whole / sizeof *whole);
    tcase_add_loop_test(tcase, damaged_is_refused, 0, sizeof damaged / sizeof *damaged);
    tcase_add_loop_test(tcase, orientation_is_read_in_both_byte_orders, 0, 2);
    tcase_add_test(tcase, no_exif_block_is_read_beyond_its_end);
    tcase_add_loop_test(tcase, each_orientation_is_turned_upright, 1, 9);
    tcase_add_loop_test(tcase, png_is_turned_where_that_is_wanted, 0, 2);
    tcase_add_loop_test(tcase, samples_of_16_bits_are_scaled, 0, sizeof ranges / sizeof *ranges);
    tcase_add_test(tcase, transparent_samples_have_no_range);
    tcase_add_test(tcase, ranges_are_words_or_two_numbers);
    tcase_add_loop_test(tcase, colour_profiles_of_png_are_told, 0, 6);
    tcase_add_test(tcase, small_pictures_do_not_ask_for_the_memory);
#ifdef HAVE_JPEG
    tcase_add_test(tcase, jpeg_markers_are_told);
    tcase_add_loop_test(tcase, other_kinds_of_jpeg_are_not_called_damaged, 0, 2);
#endif
    return clr_test_run("odd", tcase, CK_FORK_GETENV);
}
