/* SPDX-License-Identifier: BSD-3-Clause */
/* Readers on small sources made here, good ones and damaged ones. */
#include "clr/mem.h"
#include "clr/read.h"
#include "clr/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char top[CLR_TEST_FOLDER];

static const char *at(const char *name)
{
    static char path[8][300];
    static int next;

    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s%s%s", top, *name ? "/" : "", name);
    return path[next];
}

static void put(const char *name, const void *data, size_t bytes)
{
    FILE *file = fopen(at(name), "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
}

static void put_gz(const char *name, const void *data, size_t bytes)
{
    gzFile file = gzopen(at(name), "wb");

    ck_assert_int_eq(gzwrite(file, data, (unsigned)bytes), (int)bytes);
    gzclose(file);
}

static void cut(const char *name, double part)
{
    struct stat attributes;

    ck_assert_int_eq(stat(at(name), &attributes), 0);
    ck_assert_int_eq(truncate(at(name), (off_t)((double)attributes.st_size * part)), 0);
}

static void setup(void)
{
    clr_test_folder_begin(top);
}

static void teardown(void)
{
    clr_test_folder_end(top);
}

enum { N = 12, H = 5, W = 4, IMAGES = 16 + N * H * W, LABELS = 8 + N };

static uint8_t images[IMAGES] = {0, 0, 8, 3, 0, 0, 0, N, 0, 0, 0, H, 0, 0, 0, W};
static uint8_t labels[LABELS] = {0, 0, 8, 1, 0, 0, 0, N};

static void fill_idx(void)
{
    for (int i = 16; i < IMAGES; i++)
        images[i] = (uint8_t)(i * 31);
    for (int i = 8; i < LABELS; i++)
        labels[i] = (uint8_t)(i * 5 % 7);
}

static void check_idx(const char *path, const char *split, bool labelled)
{
    clr_source source;
    clr_example e;

    ck_assert_msg(clr_read_open(path, split, &source) == CLR_OK, "%s", clr_message());
    ck_assert_str_eq(source.reader->name, "idx");
    ck_assert_int_eq(source.examples, N);
    ck_assert_int_eq(source.class_count, labelled ? 7 : 0);
    static const int order[] = {0, 1, 2, 11, 3, 4, 0, 10};
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        int i = order[k];
        ck_assert_int_eq(source.reader->read(&source, i, &e), CLR_OK);
        ck_assert_int_eq(e.image.height, H);
        ck_assert_int_eq(e.image.width, W);
        ck_assert_int_eq(e.image.channels, 1);
        ck_assert_mem_eq(e.image.pixels, images + 16 + i * H * W, H * W);
        ck_assert_int_eq(e.label, labelled ? labels[8 + i] : -1);
        char *number = clr_text("[%d]", i);
        ck_assert_ptr_nonnull(strstr(e.name, number));
        clr_free(number);
        clr_image_free(&e.image);
        clr_free(e.name);
    }
    clr_read_close(&source);
}

START_TEST(idx_plain_and_gz)
{
    fill_idx();
    put("train-images-idx3-ubyte", images, IMAGES);
    put("train-labels-idx1-ubyte", labels, LABELS);
    put_gz("t10k-images-idx3-ubyte.gz", images, IMAGES);
    put_gz("t10k-labels-idx1-ubyte.gz", labels, LABELS);
    check_idx(at(""), NULL, true);
    check_idx(at(""), "train", true);
    check_idx(at(""), "test", true);
    check_idx(at("train-images-idx3-ubyte"), NULL, true);
    check_idx(at("t10k-images-idx3-ubyte.gz"), NULL, true);
    put_gz("lonely.gz", images, IMAGES);
    check_idx(at("lonely.gz"), NULL, false);
}
END_TEST

static void refused(const char *path, const char *split, clr_status want, const char *because)
{
    clr_source source;

    ck_assert_msg(clr_read_open(path, split, &source) == want, "%s: not refused", path);
    ck_assert_msg(strstr(clr_message(), because), "'%s' does not say '%s'", clr_message(), because);
}

START_TEST(idx_damage_is_found_before_packing)
{
    const char *name = "t10k-images-idx3-ubyte.gz";

    fill_idx();
    for (int part = 1; part < 16; part++) {
        put("train-images-idx3-ubyte", images, (size_t)(IMAGES * part / 16));
        refused(at(""), NULL, CLR_EINPUT, "train-images-idx3-ubyte");
        put_gz(name, images, IMAGES);
        cut(name, part / 16.0);
        refused(at(""), "test", CLR_EINPUT, name);
    }
    put_gz(name, images, IMAGES);
    FILE *file = fopen(at(name), "r+b");
    fseek(file, -6, SEEK_END); /* within the checksum */
    int c = getc(file);
    fseek(file, -6, SEEK_END);
    putc(c ^ 1, file);
    fclose(file);
    refused(at(""), "test", CLR_EINPUT, name);
    uint8_t longer[IMAGES + 1] = {0};
    memcpy(longer, images, IMAGES);
    put("train-images-idx3-ubyte", longer, sizeof longer);
    refused(at(""), NULL, CLR_EINPUT, "more data");
    put("train-images-idx3-ubyte", labels, LABELS);
    refused(at(""), NULL, CLR_EINPUT, "2051");
    put("train-images-idx3-ubyte", "", 0);
    refused(at(""), NULL, CLR_EINPUT, "2051");
    memset(longer + 4, 0xff, 12);
    put("train-images-idx3-ubyte", longer, sizeof longer);
    refused(at(""), NULL, CLR_EINPUT, "no image size");
}
END_TEST

START_TEST(idx_labels_must_fit)
{
    fill_idx();
    put("train-images-idx3-ubyte", images, IMAGES);
    put("train-labels-idx1-ubyte", labels, LABELS - 1);
    refused(at(""), NULL, CLR_EINPUT, "less data");
    labels[7] = N - 1;
    put("train-labels-idx1-ubyte", labels, LABELS - 1);
    refused(at(""), NULL, CLR_EINPUT, "11 labels for the 12 images");
    put("train-labels-idx1-ubyte", images, IMAGES);
    refused(at(""), NULL, CLR_EINPUT, "2049");
    refused(at("train-images-idx3-ubyte"), "test", CLR_EUSAGE, "--split");
    refused(at(""), "test", CLR_EINPUT, "t10k");
}
END_TEST

static uint8_t cifar_byte(int file, int row, int c, int p)
{
    return (uint8_t)(file * 57 + row * 31 + c * 101 + p * 7);
}

static void put_cifar(const char *name, int file, int rows, int label_bytes, int label)
{
    uint8_t *data = clr_alloc((size_t)rows * 3074, 1), *next = data;

    for (int r = 0; r < rows; r++) {
        for (int k = 0; k < label_bytes; k++)
            *next++ = (uint8_t)(k == label_bytes - 1 ? label + r : 3);
        for (int c = 0; c < 3; c++)
            for (int p = 0; p < 1024; p++)
                *next++ = cifar_byte(file, r, c, p);
    }
    put(name, data, (size_t)(next - data));
    clr_free(data);
}

static void check_cifar(const char *path, const char *split, int first_file, int64_t examples, int classes,
                        const char *name2)
{
    clr_source source;
    clr_example e;

    ck_assert_msg(clr_read_open(path, split, &source) == CLR_OK, "%s", clr_message());
    ck_assert_str_eq(source.reader->name, "cifar");
    ck_assert_int_eq(source.examples, examples);
    ck_assert_int_eq(source.class_count, classes);
    ck_assert_str_eq(source.classes[2], name2);
    for (int i = 0; i < examples; i++) {
        ck_assert_int_eq(source.reader->read(&source, i, &e), CLR_OK);
        ck_assert_int_eq(e.label, i % 3);
        ck_assert_int_eq(e.image.channels, 3);
        for (int p = 0; p < 1024; p++)
            for (int c = 0; c < 3; c++)
                ck_assert_int_eq(e.image.pixels[3 * p + c], cifar_byte(first_file + i / 3, i % 3, c, p));
        clr_image_free(&e.image);
        clr_free(e.name);
    }
    clr_read_close(&source);
}

START_TEST(cifar_10_and_100)
{
    static const char names[] = "airplane\nautomobile\nbird\n\n";

    for (int f = 1; f <= 5; f++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", f);
        put_cifar(name, f, 3, 1, 0);
    }
    put_cifar("test_batch.bin", 9, 3, 1, 0);
    check_cifar(at(""), NULL, 1, 15, 10, "2");
    put("batches.meta.txt", names, strlen(names));
    check_cifar(at(""), "train", 1, 15, 10, "bird");
    check_cifar(at(""), "test", 9, 3, 10, "bird");
    check_cifar(at("data_batch_4.bin"), NULL, 4, 3, 10, "bird");
    mkdir(at("hundred"), 0777);
    put_cifar("hundred/train.bin", 1, 3, 2, 0);
    put_cifar("hundred/test.bin", 2, 3, 2, 0);
    check_cifar(at("hundred"), NULL, 1, 3, 100, "2");
    check_cifar(at("hundred"), "test", 2, 3, 100, "2");

    cut("data_batch_5.bin", 0.9);
    refused(at(""), NULL, CLR_EINPUT, "data_batch_5.bin");
    unlink(at("data_batch_5.bin"));
    refused(at(""), NULL, CLR_EINPUT, "data_batch_5.bin");
}
END_TEST

START_TEST(cifar_bad_label_is_one_bad_example)
{
    clr_source source;
    clr_example e;

    put_cifar("test_batch.bin", 1, 3, 1, 8); /* labels 8, 9, 10 */
    ck_assert_int_eq(clr_read_open(at(""), "test", &source), CLR_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(source.reader->read(&source, i, &e), i < 2 ? CLR_OK : CLR_EINPUT);
        clr_image_free(&e.image);
        clr_free(e.name);
    }
    clr_read_close(&source);
}
END_TEST

static void put_image(const char *name, uint8_t gray)
{
    ck_assert_int_eq(clr_image_write_png(at(name), &(clr_image){1, 1, 1, &gray}), CLR_OK);
}

typedef struct row {
    const char *name;
    int label;
    clr_status st;
} row;

static void check_tree(const char *path, const char *split, const row *rows, int n, int classes)
{
    clr_source source;
    clr_example e;

    ck_assert_msg(clr_read_open(path, split, &source) == CLR_OK, "%s", clr_message());
    ck_assert_str_eq(source.reader->name, "folder");
    ck_assert_int_eq(source.examples, n);
    ck_assert_int_eq(source.class_count, classes);
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(source.reader->read(&source, i, &e), rows[i].st);
        ck_assert_str_eq(e.name, rows[i].name);
        ck_assert_int_eq(e.label, rows[i].label);
        ck_assert((e.encoded != NULL) == (rows[i].st == CLR_OK));
        clr_image_free(&e.image);
        clr_free(e.encoded);
        clr_free(e.name);
    }
    clr_read_close(&source);
}

START_TEST(labelled_tree_in_sorted_order)
{
    static const row rows[] = {
        {"b/1.png", 0, CLR_OK},         {"b/10.PNG", 0, CLR_OK},        {"b/2.png", 0, CLR_OK},
        {"b/deep/er/x.png", 0, CLR_OK}, {"c/empty.png", 1, CLR_EINPUT}, {"c/far.png", 1, CLR_OK},
        {"c/lost.png", 1, CLR_EINPUT},  {"c/pipe.png", 1, CLR_EINPUT},  {"c/text.jpg", 1, CLR_EINPUT}};
    mkdir(at("c"), 0777), mkdir(at("b"), 0777), mkdir(at("b/deep"), 0777), mkdir(at("b/deep/er"), 0777),
        mkdir(at("a"), 0777);
    put_image("b/2.png", 2), put_image("b/10.PNG", 10), put_image("b/1.png", 1), put_image("b/deep/er/x.png", 3);
    put("a/README", "none", 4), put("c/empty.png", "", 0), put("c/text.jpg", "text", 4), put_image("b/.hidden.png", 1);
    put_image(".far", 7);
    ck_assert_int_eq(symlink("../.far", at("c/far.png")), 0);
    ck_assert_int_eq(symlink("../b/1.png", at("c/again.png")), 0);
    ck_assert_int_eq(symlink("nowhere", at("c/lost.png")), 0);
    ck_assert_int_eq(mkfifo(at("c/pipe.png"), 0666), 0);
    check_tree(at(""), NULL, rows, 9, 2);
}
END_TEST

START_TEST(flat_trees_have_no_labels)
{
    static const row rows[] = {{"a.png", -1, CLR_OK}, {"sub/b.png", -1, CLR_OK}, {"z.png", -1, CLR_OK}};

    put_image("z.png", 1), put_image("a.png", 2);
    mkdir(at("sub"), 0777);
    put_image("sub/b.png", 3);
    check_tree(at(""), NULL, rows, 3, 0);
}
END_TEST

START_TEST(links_to_folders_end)
{
    static const row rows[] = {{"a/1.png", 0, CLR_OK}, {"b/2.png", 1, CLR_OK}};

    mkdir(at("a"), 0777), mkdir(at("b"), 0777);
    put_image("a/1.png", 1), put_image("b/2.png", 1);
    ck_assert_int_eq(symlink(".", at("a/self")), 0);
    ck_assert_int_eq(symlink("..", at("a/up")), 0);
    ck_assert_int_eq(symlink("../b", at("a/to_b")), 0);
    ck_assert_int_eq(symlink("../a", at("b/to_a")), 0);
    check_tree(at(""), NULL, rows, 2, 2);
}
END_TEST

/* Of several names of a file the one with the fewest links on its way counts, then the least deep, then the first. */
START_TEST(an_image_is_there_once)
{
    static const row rows[] = {
        {"a/1.png", 0, CLR_OK}, {"b/2.png", 1, CLR_OK}, {"d/hard.png", 2, CLR_OK}, {"e/3.png", 3, CLR_OK}};

    mkdir(at("pool"), 0777), mkdir(at("pool/cats"), 0777);
    put_image("pool/cats/3.png", 3);
    mkdir(at("set"), 0777), mkdir(at("set/a"), 0777), mkdir(at("set/b"), 0777), mkdir(at("set/d"), 0777),
        mkdir(at("set/d/deep"), 0777);
    put_image("set/b/2.png", 2), put_image("set/a/1.png", 1), put_image("set/d/deep/a.png", 4);
    ck_assert_int_eq(link(at("set/d/deep/a.png"), at("set/d/hard.png")), 0);
    ck_assert_int_eq(symlink("../b/2.png", at("set/a/0.png")),
                     0);                                       /* a link to a file, before it in the order of names */
    ck_assert_int_eq(symlink("../pool", at("set/0")), 0);      /* the pool, by one link and one folder */
    ck_assert_int_eq(symlink("../pool/cats", at("set/e")), 0); /* the same class by one link: it is nearer */
    ck_assert_int_eq(symlink("..", at("set/above")), 0);       /* leads round */
    ck_assert_int_eq(symlink("../..", at("set/a/far_above")), 0);
    check_tree(at("set"), NULL, rows, 4, 4);
}
END_TEST

START_TEST(links_are_followed_to_any_depth)
{
    static const row rows[] = {{"data/a/1.png", 0, CLR_OK}, {"data/a/2.png", 0, CLR_OK}, {"data/b/1.png", 1, CLR_OK}};

    mkdir(at("pool"), 0777), mkdir(at("pool/a"), 0777), mkdir(at("pool/b"), 0777), mkdir(at("set"), 0777),
        mkdir(at("top"), 0777);
    put_image("pool/a/1.png", 1), put_image("pool/b/1.png", 2), put_image("pool/object", 3);
    ck_assert_int_eq(symlink("../object", at("pool/a/2.png")), 0);
    ck_assert_int_eq(symlink("../pool/a", at("set/a")), 0);
    ck_assert_int_eq(symlink("../pool/b", at("set/b")), 0);
    ck_assert_int_eq(symlink("../set", at("top/data")), 0);
    check_tree(at("top"), NULL, rows, 3, 2);
}
END_TEST

START_TEST(split_of_a_tree_is_a_folder)
{
    static const row train[] = {{"x/1.png", 0, CLR_OK}}, test[] = {{"x/2.png", 0, CLR_OK}};

    mkdir(at("train"), 0777), mkdir(at("train/x"), 0777), mkdir(at("test"), 0777), mkdir(at("test/x"), 0777);
    put_image("train/x/1.png", 1), put_image("test/x/2.png", 1);
    check_tree(at(""), "train", train, 1, 1);
    check_tree(at(""), "test", test, 1, 1);
    refused(at("train"), "test", CLR_EINPUT, "--split");
}
END_TEST

START_TEST(what_is_no_source)
{
    refused(at("nothing"), NULL, CLR_EIO, "nothing");
    refused(at(""), NULL, CLR_EINPUT, "holds no .png");
    put("some.txt", "text", 4);
    refused(at("some.txt"), NULL, CLR_EINPUT, "IDX");
    put("zero", "", 0);
    refused(at("zero"), NULL, CLR_EINPUT, "zero");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("read");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, idx_plain_and_gz);
    tcase_add_test(tcase, idx_damage_is_found_before_packing);
    tcase_add_test(tcase, idx_labels_must_fit);
    tcase_add_test(tcase, cifar_10_and_100);
    tcase_add_test(tcase, cifar_bad_label_is_one_bad_example);
    tcase_add_test(tcase, labelled_tree_in_sorted_order);
    tcase_add_test(tcase, flat_trees_have_no_labels);
    tcase_add_test(tcase, links_to_folders_end);
    tcase_add_test(tcase, an_image_is_there_once);
    tcase_add_test(tcase, links_are_followed_to_any_depth);
    tcase_add_test(tcase, split_of_a_tree_is_a_folder);
    tcase_add_test(tcase, what_is_no_source);
    return clr_test_run("read", tcase, CK_FORK_GETENV);
}
