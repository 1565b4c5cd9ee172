/* SPDX-License-Identifier: BSD-3-Clause */
/* Datasets in one file or a few, under the names that people's downloads give them; and what is no dataset that is
   read. */
#include "clr/mem.h"
#include "clr/read.h"
#include "clr/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

static char top[CLR_TEST_FOLDER];

static const char *at(const char *name)
{
    static char path[4][300];
    static int next;

    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s%s%s", top, *name ? "/" : "", name);
    return path[next];
}

static void setup(void)
{
    clr_test_folder_begin(top);
}

static void teardown(void)
{
    clr_test_folder_end(top);
}

/* Compressed where the name ends with .gz; folders in the name are made. */
static void put(const char *name, const void *data, size_t bytes)
{
    char path[300];

    snprintf(path, sizeof path, "%s", at(name));
    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = 0;
        mkdir(path, 0777);
        *slash = '/';
    }
    gzFile file = gzopen(path, strlen(name) > 3 && !strcmp(name + strlen(name) - 3, ".gz") ? "wb" : "wbT");
    ck_assert_ptr_nonnull(file);
    ck_assert(bytes == 0 || gzwrite(file, data, (unsigned)bytes) == (int)bytes);
    gzclose(file);
}

static void refused(const char *path, const char *split, clr_status want, const char *because)
{
    clr_source source;
    clr_status st = clr_read_open(path, split, &source);

    ck_assert_msg(st == want, "%s: status %d, not %d: %s", path, (int)st, (int)want, st == CLR_OK ? "" : clr_message());
    ck_assert_msg(strstr(clr_message(), because) != NULL, "'%s' does not say '%s'", clr_message(), because);
}

/* Two images of two rows and three columns: 0 to 5 and 10 to 15; their labels. */
static const uint8_t images[16 + 12] = {0, 0, 8, 3, 0, 0, 0, 2, 0,  0,  0,  2,  0,  0,
                                        0, 3, 0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15};
static const uint8_t labels[8 + 2] = {0, 0, 8, 1, 0, 0, 0, 2, 4, 1};

static void opened(const char *path, const char *split, int64_t examples, int label, int classes, int pixel)
{
    clr_source s;
    clr_example e;

    ck_assert_msg(clr_read_open(path, split, &s) == CLR_OK, "%s", clr_message());
    ck_assert_int_eq(s.examples, examples);
    ck_assert_msg(s.class_count == classes, "%s: %d classes, not %d", path, s.class_count, classes);
    ck_assert_int_eq(s.reader->read(&s, 0, &e), CLR_OK);
    ck_assert_int_eq(e.label, label);
    ck_assert_int_eq(e.image.pixels[e.image.channels], pixel); /* the second one of the first row */
    clr_image_free(&e.image);
    clr_free(e.name);
    clr_read_close(&s);
}

START_TEST(idx_labels_in_every_spelling)
{
    static const char *const words[] = {"train-images-idx3-ubyte", "train-images.idx3-ubyte", "train_images_idx3_ubyte",
                                        "Train-Images-IDX3-ubyte", "train images.idx3"};
    static const char *const mates[] = {"train-labels-idx1-ubyte", "train-labels.idx1-ubyte", "train_labels.idx1",
                                        "TRAIN-LABELS-IDX1-UBYTE"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (size_t k = 0; k < sizeof mates / sizeof *mates; k++)
            for (int gz = 0; gz < 4; gz++) {
                char *folder = clr_text("%zu-%zu-%d", i, k, gz);
                char *image = clr_text("%s/%s%s", folder, words[i], gz & 1 ? ".gz" : ""),
                     *label = clr_text("%s/%s%s", folder, mates[k], gz & 2 ? ".gz" : "");
                put(image, images, sizeof images);
                put(label, labels, sizeof labels);
                opened(at(folder), NULL, 2, 4, 5, 1);
                opened(at(image), NULL, 2, 4, 5, 1);
                clr_free(folder), clr_free(image), clr_free(label);
            }
}
END_TEST

/* Two members of a gzip file are read as one, and zeros behind them are passed over; a third one that is cut is not. */
START_TEST(gzip_of_several_members)
{
    char whole[600];
    size_t used = 0;

    for (int part = 0; part < 2; part++) {
        put("part.gz", images + 9 * part, part ? sizeof images - 9 : 9);
        FILE *file = fopen(at("part.gz"), "rb");
        used += fread(whole + used, 1, sizeof whole - used, file);
        fclose(file);
    }
    memset(whole + used, 0, 16);
    FILE *file = fopen(at("train-images-idx3-ubyte.gz"), "wb");
    ck_assert_uint_eq(fwrite(whole, 1, used + 16, file), used + 16);
    fclose(file);
    opened(at(""), NULL, 2, -1, 0, 1);
    memcpy(whole + used, whole, 12);
    file = fopen(at("train-images-idx3-ubyte.gz"), "wb");
    ck_assert_uint_eq(fwrite(whole, 1, used + 12, file), used + 12);
    fclose(file);
    refused(at(""), NULL, CLR_EINPUT, "is cut short");
}
END_TEST

START_TEST(idx_without_labels)
{
    clr_source s;

    put("train-images-idx3-ubyte", images, sizeof images);
    put("t10k-labels-idx1-ubyte", labels, sizeof labels); /* of another part */
    opened(at(""), NULL, 2, -1, 0, 1);
    put("train-labels-idx1-ubyte/train-labels-idx1-ubyte", labels,
        sizeof labels); /* a folder of that name is no file */
    opened(at(""), NULL, 2, -1, 0, 1);
    put("train-labels.idx1-ubyte", labels, sizeof labels);
    opened(at(""), NULL, 2, 4, 5, 1);
    ck_assert_int_eq(clr_read_open_how(at(""), &(clr_read_how){.unlabelled = true}, &s), CLR_OK);
    ck_assert_int_eq(s.class_count, 0);
    clr_read_close(&s);
}
END_TEST

START_TEST(qmnist_and_other_labels)
{
    uint8_t rows[12 + 2 * 8 * 4] = {0, 0, 12, 2, 0, 0, 0, 2, 0, 0, 0, 8},
                              hot[12 + 4] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 0, 0, 1};

    rows[12 + 3] = 7, rows[12 + 7] = 99, rows[12 + 32 + 3] = 2;
    put("qmnist-train-images-idx3-ubyte", images, sizeof images);
    put("qmnist-train-labels-idx2-int.gz", rows, sizeof rows);
    opened(at(""), NULL, 2, 7, 8, 1);
    opened(at(""), "qmnist-train", 2, 7, 8, 1);
    rows[12] = 0xff; /* negative */
    put("qmnist-train-labels-idx2-int.gz", rows, sizeof rows);
    refused(at(""), NULL, CLR_EINPUT, "label 0 is -");
    put("qmnist-train-labels-idx2-int.gz", hot, sizeof hot);
    refused(at(""), NULL, CLR_EINPUT, "not an IDX file of labels");
    static const uint8_t wide[8 + 4] = {0, 0, 11, 1, 0, 0, 0, 2, 1, 0, 0, 3};
    put("qmnist-train-labels-idx2-int.gz", wide, sizeof wide);
    opened(at(""), NULL, 2, 256, 257, 1);
    static const uint8_t floats[16 + 16] = {0, 0, 13, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2};
    put("floats", floats, sizeof floats);
    refused(at("floats"), NULL, CLR_EINPUT, "numbers of type 13");
}
END_TEST

/* Several subsets in one folder; rows and columns exchanged. */
START_TEST(emnist)
{
    clr_source s;
    clr_example e;
    static const uint8_t upright[] = {0, 3, 1, 4, 2, 5};

    put("emnist-letters-train-images-idx3-ubyte.gz", images, sizeof images);
    put("emnist-letters-train-labels-idx1-ubyte.gz", labels, sizeof labels);
    opened(at(""), NULL, 2, 4, 5, 3); /* the only one */
    put("emnist-letters-test-images-idx3-ubyte.gz", images, sizeof images);
    put("emnist-digits-train-images-idx3-ubyte.gz", images, sizeof images);
    refused(at(""), NULL, CLR_EUSAGE, "emnist-digits-train, emnist-letters-test, emnist-letters-train");
    refused(at(""), "train", CLR_EUSAGE, "several datasets");
    opened(at(""), "emnist-letters-train", 2, 4, 5, 3);
    opened(at(""), "letters-train", 2, 4, 5, 3);
    opened(at(""), "test", 2, -1, 0, 3);
    refused(at(""), "unlabeled", CLR_EUSAGE, "has only emnist-digits-train");
    ck_assert_int_eq(clr_read_open(at("emnist-letters-train-images-idx3-ubyte.gz"), NULL, &s), CLR_OK);
    ck_assert_int_eq(s.reader->read(&s, 0, &e), CLR_OK);
    ck_assert_int_eq(e.image.height, 3);
    ck_assert_int_eq(e.image.width, 2);
    ck_assert_mem_eq(e.image.pixels, upright, sizeof upright);
    clr_image_free(&e.image);
    clr_free(e.name);
    clr_read_close(&s);
}
END_TEST

START_TEST(stl10)
{
    enum { ROW = 27648, PLANE = 9216 };
    uint8_t *rows = clr_alloc(2 * ROW, 1);
    clr_source s;
    clr_example e;

    rows[0] = 0x1f, rows[1] = 0x8b, rows[2] = 8; /* as a gzip file begins */
    rows[96] = 77;                               /* channel 0, column 1, row 0 */
    rows[ROW + 2 * PLANE + 5] = 99;              /* image 1, channel 2, column 0, row 5 */
    put("s/train_X.bin", rows, 2 * ROW);
    put("s/unlabeled_X.bin", rows, ROW);
    put("s/train_y.bin", "\1\12", 2);
    opened(at("s"), NULL, 2, 0, 10, 77);
    opened(at("s"), "training", 2, 0, 10, 77);
    opened(at("s/train_X.bin"), NULL, 2, 0, 10, 77);
    opened(at("s"), "unlabelled", 1, -1, 0, 77);
    refused(at("s"), "test", CLR_EINPUT, "test_X.bin is not there");
    refused(at("s"), "val", CLR_EUSAGE, "only train, test and unlabeled");
    put("s/class_names.txt", "airplane\r\nbird\r\n", 16);
    ck_assert_int_eq(clr_read_open(at("s"), NULL, &s), CLR_OK);
    ck_assert_str_eq(s.classes[1], "bird");
    ck_assert_str_eq(s.classes[9], "10");
    ck_assert_int_eq(s.per_class[9], 1);
    ck_assert_int_eq(s.reader->read(&s, 0, &e), CLR_OK);
    ck_assert_int_eq(e.image.pixels[3], 77);
    clr_image_free(&e.image);
    clr_free(e.name);
    ck_assert_int_eq(s.reader->read(&s, 1, &e), CLR_OK);
    ck_assert_int_eq(e.label, 9);
    ck_assert_int_eq(e.image.pixels[3 * (5 * 96) + 2], 99);
    clr_image_free(&e.image);
    clr_free(e.name);
    clr_read_close(&s);
    refused(at("s/train_y.bin"), NULL, CLR_EINPUT, "STL-10's labels");
    put("s/train_y.bin", "\1\13", 2);
    refused(at("s"), NULL, CLR_EINPUT, "label 1 is 11");
    put("s/train_y.bin", "\1", 1);
    refused(at("s"), NULL, CLR_EINPUT, "1 labels for the 2 images");
    put("s/train_X.bin", rows, ROW + 7);
    refused(at("s"), NULL, CLR_EINPUT, "is it cut short");
    put("other.bin", rows, 2 * ROW);
    refused(at("other.bin"), NULL, CLR_EINPUT, "STL-10");
    clr_free(rows);
}
END_TEST

START_TEST(what_it_is_instead)
{
    static const struct {
        const char *name, *bytes;
        size_t length;
        const char *says;
    } files[] = {{"a.h5", "\x89HDF\r\n\x1a\n....", 12, "needs no packing and goes to --data"},
                 {"a.npy", "\x93NUMPY\1\0", 8, "an array"},
                 {"a.npz", "PK\3\4....", 8, "zip archive (.zip, .npz)"},
                 {"a.7z", "7z\xbc\xaf\x27\x1c..", 8, "7-Zip"},
                 {"a.xz",
                  "\xfd"
                  "7zXZ\0..",
                  8, "compressed by xz"},
                 {"a.mat", "MATLAB 5.0 MAT-file", 19, "MATLAB"},
                 {"a.parquet", "PAR1....", 8, "Parquet"},
                 {"data_batch_1", "\x80\2}q\1", 5, "pickle"},
                 {"a.png", "\x89PNG\r\n\x1a\n", 8, "the folder that it lies in"},
                 {"a.html", "<!DOCTYPE html>", 15, "web page"},
                 {"a.tfrecord", "\1\2\3\4\5\6\7\10", 8, "is, by its name, a table"},
                 {"text", "text", 4, "cannot be packed"}};
    char tar[512] = "cifar/data_batch_1.bin";

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put(files[i].name, files[i].bytes, files[i].length);
        refused(at(files[i].name), NULL, CLR_EINPUT, files[i].says);
    }
    memcpy(tar + 257, "ustar", 5);
    put("x.tar", tar, sizeof tar);
    refused(at("x.tar"), NULL, CLR_EINPUT, "tar archive: unpack it");
    put("x.tar.gz", tar, sizeof tar);
    refused(at("x.tar.gz"), NULL, CLR_EINPUT, "tar archive: unpack it");
    put("cut.gz", "text", 4);
    ck_assert_int_eq(truncate(at("cut.gz"), 10), 0);
    refused(at("cut.gz"), NULL, CLR_EINPUT, "gzip");
    put("py10/data_batch_1", "\x80\2", 2);
    put("py10/batches.meta", "\x80\2", 2);
    refused(at("py10"), NULL, CLR_EINPUT, "Python version of CIFAR-10");
    put("py100/train", "\x80\2", 2);
    put("py100/meta", "\x80\2", 2);
    refused(at("py100"), NULL, CLR_EINPUT, "Python version of CIFAR-100");
    put("npz/train.npz", "PK\3\4", 4);
    refused(at("npz"), NULL, CLR_EINPUT, "train.npz: an array");
    put("MNIST/raw/train-images-idx3-ubyte", images, sizeof images);
    refused(at("MNIST"), NULL, CLR_EINPUT, "MNIST/raw is IDX files");
    put("bin/data_batch_3.bin", "", 0);
    refused(at("bin"), NULL, CLR_EINPUT, "data_batch_1.bin: is not there; CIFAR-10's training images need it");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("formats");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, idx_labels_in_every_spelling);
    tcase_add_test(tcase, gzip_of_several_members);
    tcase_add_test(tcase, idx_without_labels);
    tcase_add_test(tcase, qmnist_and_other_labels);
    tcase_add_test(tcase, emnist);
    tcase_add_test(tcase, stl10);
    tcase_add_test(tcase, what_it_is_instead);
    return clr_test_run("formats", tcase, CK_FORK_GETENV);
}
