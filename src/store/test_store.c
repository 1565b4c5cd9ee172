/* SPDX-License-Identifier: BSD-3-Clause */
/* Round trips of every layout, and damage: a flipped byte anywhere is found or does no harm, a cut file is refused. */
#include "clr/h5.h"
#include "clr/mem.h"
#include "clr/store.h"
#include "clr/tensor.h"
#include "clr/test.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[CLR_TEST_FOLDER], path[64];

static void setup(void)
{
    clr_test_folder_begin(top);
    snprintf(path, sizeof path, "%s/x.h5", top);
}

static void teardown(void)
{
    clr_test_folder_end(top);
}

static int entries(void)
{
    DIR *folder = opendir(top);
    int n = 0;

    while (readdir(folder))
        n++;
    closedir(folder);
    return n - 2;
}

enum { N = 23, CLASSES = 3 };

typedef enum layout { GRAY, RGB, RAGGED, MIXED, ENCODED, LAYOUTS } layout;

static int from, turn; /* number of the first image written; how far labels are turned on */
static clr_image_rules rules;
static const char *const classes[CLASSES] = {"ant", "bee", "cicada"};

static void shape_of(layout l, int i, int shape[3])
{
    bool ragged = l >= RAGGED;

    shape[0] = ragged ? 3 + i % 5 : 6;
    shape[1] = ragged ? 4 + i % 7 : 5;
    shape[2] = l == GRAY ? 1 : l < MIXED ? 3 : i % 3 ? 3 : 1;
}

static uint8_t pixel(int i, int p)
{
    return (uint8_t)((unsigned)(i * 1009 + p) * 2654435761u >> 11);
}

static void fill(layout l, int i, clr_image *image)
{
    int s[3];

    shape_of(l, i, s);
    *image = (clr_image){s[0], s[1], s[2], clr_alloc((size_t)(s[0] * s[1] * s[2]), 1)};
    for (int p = 0; p < s[0] * s[1] * s[2]; p++)
        image->pixels[p] = pixel(i, p);
}

static void name_of(int i, char name[32])
{
    snprintf(name, 32, "%s/%0*d.png", classes[i % CLASSES], 1 + i % 9, i);
}

/* The bytes of image as a PNG file. */
static uint8_t *encode(const clr_image *image, int64_t *bytes)
{
    char file[64];
    struct stat attributes;

    snprintf(file, sizeof file, "%s/x.png", top);
    ck_assert_int_eq(clr_image_write_png(file, image), CLR_OK);
    FILE *in = fopen(file, "rb");
    fstat(fileno(in), &attributes);
    uint8_t *data = clr_alloc((size_t)attributes.st_size, 1);
    ck_assert_uint_eq(fread(data, 1, (size_t)attributes.st_size, in), (size_t)attributes.st_size);
    fclose(in);
    unlink(file);
    *bytes = attributes.st_size;
    return data;
}

static clr_store_writer *begin(layout l, bool labelled)
{
    clr_store_writer *writer = NULL;
    clr_store_layout form = {
        .encoded = l == ENCODED, .class_names = classes, .classes = labelled ? CLASSES : 0, .rules = rules};

    ck_assert_msg(clr_store_create(path, &form, &writer) == CLR_OK, "%s", clr_message());
    for (int i = 0; i < N; i++) {
        clr_image image;
        char name[32];
        int64_t bytes = 0;
        fill(l, from + i, &image);
        name_of(i, name);
        uint8_t *encoded = l == ENCODED ? encode(&image, &bytes) : NULL;
        ck_assert_int_eq(
            clr_store_append(writer, &image, encoded, bytes, labelled ? (from + i + turn) % CLASSES : -1, name),
            CLR_OK);
        clr_free(encoded);
        clr_image_free(&image);
    }
    return writer;
}

static void make(layout l, bool labelled)
{
    ck_assert_msg(clr_store_commit(begin(l, labelled)) == CLR_OK, "%s", clr_message());
}

/* Whether images ids[0..n) read with channels are what was written. */
static clr_status compare(clr_store *store, layout l, const int64_t *ids, int n, int channels, bool *same)
{
    int64_t bytes = clr_store_bytes(store, ids, n);
    uint8_t *buffer = clr_alloc((size_t)bytes + 1, 1);
    clr_image *image = CLR_NEW(clr_image, n);

    buffer[bytes] = 99;
    uint64_t before = clr_alloc_count();
    clr_status st = clr_store_read(store, ids, n, channels, buffer, image);
    if (st == CLR_OK)
        ck_assert_uint_eq(clr_alloc_count(), before);
    ck_assert_int_eq(buffer[bytes], 99);
    for (int k = 0; st == CLR_OK && k < n; k++) {
        int s[3], i = (int)ids[k];
        shape_of(l, i, s);
        *same = *same && image[k].height == s[0] && image[k].width == s[1] && image[k].channels == channels &&
                (uintptr_t)image[k].pixels % 64 == 0;
        for (int p = 0; *same && p < s[0] * s[1]; p++)
            for (int c = 0; c < channels; c++)
                *same = *same && image[k].pixels[p * channels + c] == pixel(i, s[2] == 1 ? p : p * 3 + c);
    }
    clr_free(buffer);
    clr_free(image);
    return st;
}

/* Everything that a store tells, against what was written. A status not CLR_OK: damage was found. */
static clr_status check_all(layout l, bool labelled, bool *same)
{
    static const int64_t some[] = {7, 8, 9, 3, 22, 22, 0, 10, 21, 8};
    clr_store *store = NULL;
    clr_status st = clr_store_open(path, &store);
    int64_t all[N];

    *same = true;
    if (st != CLR_OK)
        return st;
    const clr_store_info *f = clr_store_info_of(store);
    *same = f->images == N && f->classes == (labelled ? CLASSES : 0) && !strcmp(clr_store_path(store), path) &&
            f->channels == (l == GRAY   ? 1
                            : l < MIXED ? 3
                                        : 0) &&
            f->height == (l < RAGGED ? 6 : 0) && f->width == (l < RAGGED ? 5 : 0) &&
            f->max_height == (l < RAGGED ? 6 : 7) && f->max_width == (l < RAGGED ? 5 : 10) &&
            f->max_pixels == (l < RAGGED ? 30 : 63) && /* less than 7 * 10: no image is both */
            (clr_store_labels(store) != NULL) == labelled;
    for (int i = 0; *same && i < N; i++) {
        char want[32], *name = NULL;
        all[i] = i;
        name_of(i, want);
        *same = !labelled || clr_store_labels(store)[i] == i % CLASSES;
        if ((st = clr_store_name(store, i, &name)) != CLR_OK)
            break;
        *same = *same && !strcmp(name, want);
        clr_free(name);
    }
    for (int c = 0; *same && labelled && c < CLASSES; c++)
        *same = !strcmp(f->class_names[c], classes[c]);
    for (int channels = l == GRAY ? 1 : 3; *same && st == CLR_OK && channels <= 3; channels += 2) {
        st = compare(store, l, all, N, channels, same);
        if (st == CLR_OK)
            st = compare(store, l, some, 10, channels, same);
    }
    clr_store_close(store);
    return st;
}

START_TEST(round_trip)
{
    layout l = (layout)(_i / 2);
    bool same;

    make(l, _i % 2);
    ck_assert_int_eq(entries(), 1);
    ck_assert_msg(check_all(l, _i % 2, &same) == CLR_OK, "%s", clr_message());
    ck_assert(same);
    clr_h5 *file;
    ck_assert_int_eq(clr_h5_open(path, &file), CLR_OK);
    ck_assert_msg(clr_h5_verify(file, NULL) == CLR_OK, "%s", clr_message());
    clr_h5_close(file);
}
END_TEST

START_TEST(rgb_is_never_made_gray)
{
    clr_store *store;
    int64_t id = 4;
    clr_image image;

    make(RGB, true);
    ck_assert_int_eq(clr_store_open(path, &store), CLR_OK);
    void *buffer = clr_alloc((size_t)clr_store_bytes(store, &id, 1), 1);
    ck_assert_int_eq(clr_store_read(store, &id, 1, 1, buffer, &image), CLR_ECONFIG);
    clr_free(buffer);
    clr_store_close(store);
}
END_TEST

static uint64_t identity(void)
{
    clr_store *store;

    ck_assert_int_eq(clr_store_open(path, &store), CLR_OK);
    uint64_t checksum = clr_store_info_of(store)->checksum;
    clr_store_close(store);
    return checksum;
}

START_TEST(identity_is_that_of_the_content)
{
    uint64_t first[LAYOUTS];

    for (int l = 0; l < LAYOUTS; l++) {
        make((layout)l, true);
        first[l] = identity();
        make((layout)l, true);
        ck_assert_uint_eq(identity(), first[l]);
        make((layout)l, false);
        ck_assert_uint_ne(identity(), first[l]);
        for (int k = 0; k < l; k++)
            ck_assert_uint_ne(first[k], first[l]);
    }
}
END_TEST

START_TEST(nothing_is_left_of_what_was_abandoned)
{
    make(RGB, true);
    uint64_t before = identity();
    clr_store_writer *writer = begin(GRAY, false);
    ck_assert_int_eq(entries(), 1); /* the spool has no name */
    clr_store_abandon(writer);
    ck_assert_int_eq(entries(), 1);
    ck_assert_uint_eq(identity(), before);
    clr_store_layout form = {0};
    ck_assert_int_eq(clr_store_create(path, &form, &writer), CLR_OK);
    ck_assert_int_eq(clr_store_commit(writer), CLR_EINPUT); /* no image */
    ck_assert_uint_eq(identity(), before);
    ck_assert_int_eq(entries(), 1);
    ck_assert_int_eq(clr_store_create("no/such/folder/x.h5", &form, &writer), CLR_EIO);
}
END_TEST

/* Every third byte, another third for each layout: all of them would take too long under valgrind. */
START_TEST(a_flipped_byte_is_found_or_harmless)
{
    layout l = (layout)_i;
    long found = 0;
    bool same;
    struct stat attributes;

    make(l, true);
    ck_assert_int_eq(stat(path, &attributes), 0);
    FILE *file = fopen(path, "r+b");
    for (long at = (long)l % 3; at < attributes.st_size; at += 3) {
        fseek(file, at, SEEK_SET);
        int c = getc(file);
        fseek(file, at, SEEK_SET);
        putc(c ^ 1 << at % 8, file);
        fflush(file);
        clr_status st = check_all(l, true, &same);
        ck_assert_msg(st != CLR_OK || same, "byte %ld: damage was not found", at);
        if (st != CLR_OK) {
            ck_assert_msg(strstr(clr_message(), path), "byte %ld: '%s' does not name the file", at, clr_message());
            found++;
        }
        fseek(file, at, SEEK_SET);
        putc(c, file);
        fflush(file);
    }
    fclose(file);
    ck_assert_int_gt(found, 100);
    ck_assert_int_eq(check_all(l, true, &same), CLR_OK);
}
END_TEST

START_TEST(a_cut_file_is_refused)
{
    struct stat attributes;
    bool same;

    for (int part = 0; part < 16; part++) {
        make(RAGGED, true);
        ck_assert_int_eq(stat(path, &attributes), 0);
        ck_assert_int_eq(truncate(path, attributes.st_size * part / 16), 0);
        ck_assert_int_ne(check_all(RAGGED, true, &same), CLR_OK);
        ck_assert_ptr_nonnull(strstr(clr_message(), path));
    }
}
END_TEST

START_TEST(other_hdf5_files_are_refused)
{
    clr_h5 *file;
    clr_store *store;
    int64_t n = 3;

    ck_assert_int_eq(clr_h5_create(path, &file), CLR_OK);
    ck_assert_int_eq(clr_h5_write(file, "/images", CLR_H5_U8, 1, &n, "abc"), CLR_OK);
    ck_assert_int_eq(clr_h5_commit(file), CLR_OK);
    ck_assert_int_eq(clr_store_open(path, &store), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(clr_message(), "not a dataset"));
}
END_TEST

/* What two stores share, whatever their layouts; of labels, by name. */
START_TEST(common_images_are_counted)
{
    static const struct {
        layout a, b;
        int from, turn;
        bool labelled;
        int common, relabelled;
    } all[] = {
        {RAGGED, RAGGED, 0, 0, true, N, 0},         {MIXED, ENCODED, 0, 0, true, N, 0},
        {ENCODED, MIXED, 5, 0, true, N - 5, 0},     {RAGGED, RAGGED, N, 0, true, 0, 0},
        {MIXED, ENCODED, 5, 1, true, N - 5, N - 5}, {ENCODED, ENCODED, 5, 2, true, N - 5, N - 5},
        {RAGGED, RAGGED, 20, 1, false, N - 20, 0},  {GRAY, RGB, 0, 0, true, 0, 0},
    };
    clr_store *store[2];
    clr_store_overlap o;
    int64_t repeats;
    char other[64];

    make(all[_i].a, true);
    snprintf(other, sizeof other, "%s/y.h5", top);
    ck_assert_int_eq(rename(path, other), 0);
    from = all[_i].from, turn = all[_i].turn;
    make(all[_i].b, all[_i].labelled);
    from = turn = 0;
    ck_assert_int_eq(clr_store_open(other, &store[0]), CLR_OK);
    ck_assert_int_eq(clr_store_open(path, &store[1]), CLR_OK);
    ck_assert_int_eq(clr_store_info_of(store[0])->present, CLASSES);
    ck_assert_int_eq(clr_store_info_of(store[1])->present, all[_i].labelled ? CLASSES : 0);
    ck_assert_msg(clr_store_compare(store[0], store[1], &o) == CLR_OK, "%s", clr_message());
    ck_assert_int_eq(o.b_in_a, all[_i].common);
    ck_assert_int_eq(o.a_in_b, all[_i].common);
    ck_assert_int_eq(o.relabelled, all[_i].relabelled);
    ck_assert_int_eq(clr_store_repeats(store[1], &repeats), CLR_OK);
    ck_assert_int_eq(repeats, 0);
    for (int i = 0; i < 2; i++)
        clr_store_close(store[i]);
}
END_TEST

START_TEST(rules_of_decoding_are_kept)
{
    static const clr_image_rules all[] = {
        {0}, {.upright = true}, {.stretch = true}, {.low = 3, .high = 4095}, {.upright = true, .high = 1000}};
    uint64_t seen[CLR_COUNT(all)];
    clr_image_rules is;
    clr_store *store;

    for (size_t i = 0; i < CLR_COUNT(all); i++) {
        rules = all[i];
        make(ENCODED, true);
        ck_assert_int_eq(clr_store_open(path, &store), CLR_OK);
        ck_assert(clr_store_encoded(store, &is));
        ck_assert(is.upright == all[i].upright && is.stretch == all[i].stretch && is.low == all[i].low &&
                  is.high == all[i].high);
        seen[i] = clr_store_info_of(store)->checksum;
        for (size_t k = 0; k < i; k++)
            ck_assert_uint_ne(seen[k], seen[i]);
        clr_store_close(store);
    }
    rules = all[0];
}
END_TEST

START_TEST(repeated_images_are_counted)
{
    clr_store_layout form = {0};
    clr_store_writer *writer;
    clr_store *store;
    clr_image image;
    int64_t repeats;

    ck_assert_int_eq(clr_store_create(path, &form, &writer), CLR_OK);
    for (int i = 0; i < 7; i++) {
        fill(RGB, i % 3, &image);
        ck_assert_int_eq(clr_store_append(writer, &image, NULL, 0, -1, "x"), CLR_OK);
        clr_image_free(&image);
    }
    ck_assert_int_eq(clr_store_commit(writer), CLR_OK);
    ck_assert_int_eq(clr_store_open(path, &store), CLR_OK);
    ck_assert_int_eq(clr_store_repeats(store, &repeats), CLR_OK);
    ck_assert_int_eq(repeats, 4);
    clr_store_close(store);
}
END_TEST

static clr_store *shared;

static void *read_often(void *seed)
{
    bool same = true;

    for (int k = 0; k < 50 && same; k++) {
        int64_t ids[5];
        for (int i = 0; i < 5; i++)
            ids[i] = (k * 7 + i * i + *(int *)seed) % N;
        uint8_t *buffer = clr_alloc((size_t)clr_store_bytes(shared, ids, 5), 1);
        clr_image image[5];
        same = clr_store_read(shared, ids, 5, 3, buffer, image) == CLR_OK;
        for (int i = 0; same && i < 5; i++)
            same = image[i].pixels[0] == pixel((int)ids[i], 0);
        clr_free(buffer);
    }
    return same ? NULL : shared;
}

START_TEST(several_threads_read_at_once)
{
    pthread_t thread[4];
    int seed[4] = {1, 2, 3, 4};
    void *bad;

    make(_i ? ENCODED : RAGGED, false);
    ck_assert_int_eq(clr_store_open(path, &shared), CLR_OK);
    for (int t = 0; t < 4; t++)
        ck_assert_int_eq(pthread_create(&thread[t], NULL, read_often, &seed[t]), 0);
    for (int t = 0; t < 4; t++) {
        pthread_join(thread[t], &bad);
        ck_assert_ptr_null(bad);
    }
    clr_store_close(shared);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("store");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, round_trip, 0, 2 * LAYOUTS);
    tcase_add_test(tcase, rgb_is_never_made_gray);
    tcase_add_test(tcase, identity_is_that_of_the_content);
    tcase_add_test(tcase, nothing_is_left_of_what_was_abandoned);
    tcase_add_loop_test(tcase, a_flipped_byte_is_found_or_harmless, 0, LAYOUTS);
    tcase_add_test(tcase, a_cut_file_is_refused);
    tcase_add_test(tcase, other_hdf5_files_are_refused);
    tcase_add_loop_test(tcase, common_images_are_counted, 0, 8);
    tcase_add_test(tcase, rules_of_decoding_are_kept);
    tcase_add_test(tcase, repeated_images_are_counted);
    tcase_add_loop_test(tcase, several_threads_read_at_once, 0, 2);
    return clr_test_run("store", tcase, CK_FORK_GETENV);
}
