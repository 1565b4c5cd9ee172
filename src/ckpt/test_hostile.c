/* SPDX-License-Identifier: BSD-3-Clause */
/* Hostile files, with right checksums: datasets and checkpoints that lie about their types, sizes, places and
   contents. Every reader refuses each with a sentence that names the file, without reading past its memory, another
   file, or for ever. */
#include "fixture.h"

#include "clr/ckpt.h"
#include "clr/h5.h"
#include "clr/hash.h"
#include "clr/mem.h"
#include "clr/store.h"
#include "clr/test.h"
#include "../h5/hostile.h"
#include "../store/layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[CLR_TEST_FOLDER], path[64], good[64], other[64];

static void setup(void)
{
    clr_test_folder_begin(top);
    snprintf(path, sizeof path, "%s/step-00000008.h5", top);
    snprintf(good, sizeof good, "%s/good.h5", top);
    snprintf(other, sizeof other, "%s/other.h5", top);
}

static void teardown(void)
{
    clr_test_folder_end(top);
}

static void copy(const char *from, const char *to)
{
    char command[200];

    snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    ck_assert_int_eq(system(command), 0);
}

/* Good files. */

enum { N = 5, CLASSES = 2 };
typedef enum layout { UNIFORM, RAGGED, ENCODED, LAYOUTS } layout;

static void write_store(const char *to, layout l)
{
    static const char *const classes[CLASSES] = {"ant", "bee"};
    clr_store_layout form = {l == ENCODED, classes, CLASSES};
    clr_store_writer *writer = NULL;
    char png[64];

    ck_assert_int_eq(clr_store_create(to, &form, &writer), CLR_OK);
    snprintf(png, sizeof png, "%s/x.png", top);
    for (int i = 0; i < N; i++) {
        uint8_t pixels[12 * 12 * 3], encoded[4096];
        clr_image image = {l ? 6 + i : 6, 7, 3, pixels};
        size_t bytes = 0;
        for (size_t p = 0; p < sizeof pixels; p++)
            pixels[p] = (uint8_t)(p * 7 + (size_t)i);
        if (l == ENCODED) {
            ck_assert_int_eq(clr_image_write_png(png, &image), CLR_OK);
            FILE *file = fopen(png, "rb");
            bytes = fread(encoded, 1, sizeof encoded, file);
            fclose(file);
        }
        ck_assert_int_eq(clr_store_append(writer, &image, encoded, (int64_t)bytes, i % CLASSES, "name"), CLR_OK);
    }
    ck_assert_int_eq(clr_store_commit(writer), CLR_OK);
    unlink(png);
}

static void add(clr_table *table, const char *name, clr_role role, int c, int k)
{
    clr_entry entry = {.role = role,
                       .r = role == CLR_ROLE_CONV ? 3 : 1,
                       .s = role == CLR_ROLE_CONV ? 3 : 1,
                       .c = c,
                       .k = k,
                       .initial = 0.5};

    snprintf(entry.name, sizeof entry.name, "%s", name);
    clr_table_add(table, &entry);
}

static clr_optim *open_network(clr_params *p)
{
    clr_optim_config config = {CLR_OPTIM_sgd, 0.9, 1e-6};

    *p = (clr_params){0};
    add(&p->weights, "encoder/conv1.weight", CLR_ROLE_CONV, 3, 8);
    add(&p->weights, "encoder/bn1.weight", CLR_ROLE_VECTOR, 1, 8);
    add(&p->states, "encoder/bn1.running_mean", CLR_ROLE_VECTOR, 1, 8);
    add(&p->states, "encoder/bn1.running_var", CLR_ROLE_VECTOR, 1, 8);
    clr_params_open(p);
    clr_params_init(p, 1);
    return clr_optim_new(&config, p);
}

static void write_checkpoint(const char *to, int64_t step)
{
    clr_params p;
    clr_optim *optim = open_network(&p);
    clr_ckpt_meta meta = {step, 0.5, 1, "arch = resnet18\n", "9.9"};

    ck_assert_msg(fixture_write(to, &meta, &p, optim) == CLR_OK, "%s", clr_message());
    clr_optim_free(optim);
    clr_params_close(&p);
}

/* Readers. */

/* All that info does with a file of any kind: it may be good or not, nothing else. */
static void look_through(void)
{
    static const char *const attributes[] = {"format", "store", "content", "step", "epoch", "config"};
    int64_t n = 0, number, shape[CLR_H5_RANK];
    char **names = NULL, *text = NULL;
    clr_h5 *file = NULL;
    uint64_t sum;
    double real;

    if (clr_h5_open(path, &file) != CLR_OK)
        return;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        clr_h5_get_text(file, attributes[i], &text);
        clr_free(text);
        clr_h5_get_int(file, attributes[i], &number);
        clr_h5_get_real(file, attributes[i], &real);
    }
    clr_h5_verify(file, NULL);
    clr_h5_list(file, "/", &names, &n);
    for (int64_t i = 0; i < n; i++) {
        char **texts = NULL;
        int64_t many = 0, at;
        clr_h5_has_checksum(file, names[i]);
        clr_h5_shape(file, names[i], NULL, NULL, shape);
        clr_h5_offset(file, names[i], &at);
        clr_h5_checksum_finite(file, names[i], &sum);
        clr_h5_read_texts(file, names[i], &texts, &many);
        for (int64_t k = 0; k < many; k++)
            clr_free(texts[k]);
        clr_free(texts);
        clr_free(names[i]);
    }
    clr_free(names);
    clr_h5_close(file);
}

/* The whole of a store, as a run reads it, and the checksums that it does not need. */
static clr_status read_store(void)
{
    clr_store *store = NULL;
    clr_h5 *file = NULL;
    clr_status st = clr_store_open(path, &store);
    char *name = NULL;

    for (int64_t i = 0; st == CLR_OK && i < clr_store_info_of(store)->images; i++) {
        clr_image image;
        void *buffer = clr_alloc((size_t)clr_store_bytes(store, &i, 1), 1);
        st = clr_store_read(store, &i, 1, 3, buffer, &image);
        if (st == CLR_OK)
            st = clr_store_name(store, i, &name);
        clr_free(name);
        name = NULL;
        clr_free(buffer);
    }
    clr_store_close(store);
    if (st != CLR_OK)
        return st;
    st = clr_h5_open(path, &file);
    if (st == CLR_OK)
        st = clr_h5_verify(file, NULL);
    return clr_h5_finish(file, st);
}

/* A checkpoint, with an older good one beside it, which a run goes on from where the other shows without its network
   what it is. */
static int passed_over;

static clr_status read_checkpoint(void)
{
    clr_params p;
    clr_optim *optim = open_network(&p);
    clr_ckpt_meta meta;
    char *newest = NULL, message[1024], older[64];

    snprintf(older, sizeof older, "%s/step-00000004.h5", top);
    if (access(older, F_OK))
        write_checkpoint(older, 4);
    clr_status st = clr_ckpt_newest(top, &newest);
    if (st != CLR_OK || !newest)
        ck_abort_msg("the older one was not found: status %d: %s", (int)st, clr_message());
    passed_over += !strcmp(newest, older);
    clr_free(newest);
    st = clr_ckpt_read_meta(path, &meta);
    if (st == CLR_OK) {
        clr_ckpt_meta_free(&meta);
        st = fixture_read(path, &p, optim);
    }
    snprintf(message, sizeof message, "%s", clr_message());
    clr_optim_free(optim);
    clr_params_close(&p);
    if (st != CLR_OK)
        clr_fail(st, "%s", message);
    return st;
}

typedef clr_status reader(void);
static int tried;

static void refused(reader *read, const char *where, const char *what)
{
    look_through();
    clr_status st = read();
    tried++;

    if (st != CLR_EINPUT && st != CLR_ENUMERIC)
        ck_abort_msg("%s: %s: status %d: %s", where, what, (int)st, st == CLR_OK ? "" : clr_message());
    if (!strstr(clr_message(), path))
        ck_abort_msg("%s: %s: '%s' does not name the file", where, what, clr_message());
}

/* Kinds. */

static const char *const store_names[LAYOUTS][8] = {
    {"/images", "/labels", "/classes", "/names", "/checksums"},
    {"/pixels", "/offsets", "/shapes", "/labels", "/classes", "/names", "/checksums"},
    {"/encoded", "/offsets", "/shapes", "/labels", "/classes", "/names", "/checksums"},
};

static const char *const checkpoint_names[] = {"/model/encoder/conv1.weight", "/model/encoder/bn1.running_var",
                                               "/model/encoder/bn1.num_batches_tracked",
                                               "/optimizer/sgd/momentum/encoder/conv1.weight"};

static void try_dataset(reader *read, const char *name)
{
    const char *what;

    copy(good, other);
    for (int kind = 0; copy(good, path), (what = hostile_dataset(path, name, other, kind)); kind++)
        refused(read, name, what);
    for (int kind = 0; copy(good, path), (what = hostile_header(path, name, kind)); kind++)
        refused(read, name, what);
    for (int kind = 0; copy(good, path), (what = hostile_attribute(path, name, "checksum", kind)); kind++)
        refused(read, name, what);
}

START_TEST(datasets_of_stores)
{
    write_store(good, (layout)_i);
    copy(good, path);
    ck_assert_msg(read_store() == CLR_OK, "%s", clr_message());
    for (int k = 0; store_names[_i][k]; k++)
        try_dataset(read_store, store_names[_i][k]);
}
END_TEST

START_TEST(datasets_of_checkpoints)
{
    write_checkpoint(good, 8);
    try_dataset(read_checkpoint, checkpoint_names[_i]);
    ck_assert_int_gt(passed_over, tried * 3 / 4); /* all but those that only lack a tensor of the network */
}
END_TEST

START_TEST(attributes)
{
    static const char *const of_store[] = {"format", "content"}, *const of_checkpoint[] = {"format", "step",
                                                                                           "epoch",  "seed",
                                                                                           "config", "simclr_version"};
    enum { BLANKS = 4, ONE_NUMBER = 13 };
    const char *what;

    write_store(good, UNIFORM);
    for (size_t i = 0; i < sizeof of_store / sizeof *of_store; i++)
        for (int kind = 0; copy(good, path), (what = hostile_attribute(path, "/", of_store[i], kind)); kind++)
            refused(read_store, of_store[i], what);
    write_checkpoint(good, 8);
    for (size_t i = 0; i < sizeof of_checkpoint / sizeof *of_checkpoint; i++)
        for (int kind = 0; copy(good, path), (what = hostile_attribute(path, "/", of_checkpoint[i], kind)); kind++)
            if (kind != BLANKS || i < 4) /* a config of 40 letters is one */
                refused(read_checkpoint, of_checkpoint[i], what);
}
END_TEST

START_TEST(groups)
{
    const char *what;

    write_checkpoint(good, 8);
    copy(good, other);
    for (int kind = 0; copy(good, path), (what = hostile_group(path, "/model", other, kind)); kind++)
        refused(read_checkpoint, "/model", what);
}
END_TEST

START_TEST(superblocks)
{
    const char *what;

    write_store(good, RAGGED);
    for (int kind = 0; copy(good, path), (what = hostile_superblock(path, kind)); kind++)
        refused(read_store, "superblock", what);
    write_checkpoint(good, 8);
    for (int kind = 0; copy(good, path), (what = hostile_superblock(path, kind)); kind++)
        refused(read_checkpoint, "superblock", what);
}
END_TEST

START_TEST(no_files)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    refused(read_store, "a pipe", "");
    refused(read_checkpoint, "a pipe", "");
    unlink(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    refused(read_store, "a folder", "");
    refused(read_checkpoint, "a folder", "");
}
END_TEST

/* Contents of the right form that contradict each other, or claim what the data is not. */

typedef struct claims {
    int32_t shapes[N][3], labels[N];
    int64_t offsets[N + 1], checksums[N], images, bytes;
    int classes;
    bool encoded;
} claims;

static void write_claims(const claims *c)
{
    uint64_t content = CLR_HASH_START;
    uint8_t *data = clr_alloc((size_t)c->bytes, 1);
    const char **names = CLR_NEW(const char *, c->classes + N);
    clr_h5 *file = NULL;

    for (int i = 0; i < c->classes + N; i++)
        names[i] = "x";
    for (int i = 0; i < N; i++)
        content = clr_store_fold(content, (uint64_t)c->checksums[i], c->shapes[i], c->labels[i]);
    bool done = clr_h5_create(path, &file) == CLR_OK &&
                clr_h5_write(file, c->encoded ? "/encoded" : "/pixels", CLR_H5_U8, 1, &c->bytes, data) == CLR_OK &&
                clr_h5_write(file, "/offsets", CLR_H5_I64, 1, (int64_t[]){N + 1}, c->offsets) == CLR_OK &&
                clr_h5_write(file, "/shapes", CLR_H5_I32, 2, (int64_t[]){N, 3}, c->shapes) == CLR_OK &&
                clr_h5_write(file, "/checksums", CLR_H5_I64, 1, (int64_t[]){N}, c->checksums) == CLR_OK &&
                clr_h5_write(file, "/labels", CLR_H5_I32, 1, (int64_t[]){N}, c->labels) == CLR_OK &&
                clr_h5_write_texts(file, "/classes", names, c->classes) == CLR_OK &&
                clr_h5_write_texts(file, "/names", names, c->images) == CLR_OK &&
                clr_h5_set_text(file, "format", CLR_STORE_FORMAT) == CLR_OK &&
                clr_h5_set_text(file, "store", c->encoded ? "encoded" : "pixels") == CLR_OK &&
                clr_h5_set_int(file, "content", (int64_t)content) == CLR_OK && clr_h5_commit(file) == CLR_OK;
    ck_assert_msg(done, "%s", clr_message());
    clr_free(data);
    clr_free(names);
}

static claims honest(bool encoded)
{
    static const uint8_t zeros[4];
    claims c = {.images = N, .bytes = 4 * N, .classes = 2, .encoded = encoded};

    for (int i = 0; i < N; i++) {
        c.shapes[i][0] = c.shapes[i][1] = 2;
        c.shapes[i][2] = 1;
        c.offsets[i + 1] = 4 * (i + 1);
        c.checksums[i] = (int64_t)clr_hash(CLR_HASH_START, zeros, sizeof zeros);
    }
    return c;
}

START_TEST(claims_of_stores)
{
    static const int64_t bad_offsets[] = {
        -4, 0, 3, 4 * N, 4 * N + 4, INT64_MIN, INT64_MAX, INT64_MIN + 4, (int64_t)1 << 40};
    static const int32_t bad_shapes[][3] = {{0, 2, 1},         {2, 0, 1},         {-2, -2, 1},
                                            {2, 2, 0},         {2, 2, 2},         {2, 2, 4},
                                            {2, 2, -1},        {INT32_MIN, 2, 1}, {INT32_MAX, INT32_MAX, 3},
                                            {65536, 65536, 1}, {32768, 32768, 3}, {32769, 1, 1}};
    static const int32_t bad_labels[] = {-1, 2, INT32_MIN, INT32_MAX};

    for (int encoded = 0; encoded < 2; encoded++) {
        claims c = honest(encoded);
        write_claims(&c);
        ck_assert_int_eq(read_store(), encoded ? CLR_EINPUT : CLR_OK); /* zeros are no image */
        for (size_t k = 0; k < sizeof bad_offsets / sizeof *bad_offsets; k++)
            for (int at = 0; at <= N; at += at ? N - 2 : 1, c = honest(encoded)) {
                c.offsets[at] = c.offsets[at] == bad_offsets[k] ? 1 : bad_offsets[k];
                write_claims(&c);
                refused(read_store, "offset", "out of order or of the data");
            }
        for (size_t k = 0; k < sizeof bad_shapes / sizeof *bad_shapes; k++, c = honest(encoded)) {
            memcpy(c.shapes[2], bad_shapes[k], sizeof *bad_shapes);
            write_claims(&c);
            refused(read_store, "shape", "impossible, or other than the data's");
        }
        for (size_t k = 0; k < sizeof bad_labels / sizeof *bad_labels; k++, c = honest(encoded)) {
            c.labels[3] = bad_labels[k];
            write_claims(&c);
            refused(read_store, "label", "of no class");
        }
    }
    claims c = honest(false);
    c.images = N - 1;
    write_claims(&c);
    refused(read_store, "names", "too few");
    c.images = N + 1;
    write_claims(&c);
    refused(read_store, "names", "too many");
    c = honest(false);
    c.classes = (1 << 20) + 1;
    write_claims(&c);
    refused(read_store, "classes", "too many");
    c = honest(
        true); /* a claim of 128 million pixels for four bytes: refused as it is decoded, in memory that is there */
    c.shapes[1][0] = 8192, c.shapes[1][1] = 16384;
    write_claims(&c);
    refused(read_store, "shape", "of an encoded image that is not so large");
}
END_TEST

/* A checkpoint as writers before made it, in which one value is not finite. */
START_TEST(poisoned_checkpoints)
{
    static const float values[] = {NAN, INFINITY, -INFINITY};
    static const char *const numbers[] = {"step", "seed"};
    char **names = NULL;
    int64_t n = 0;
    clr_h5 *from = NULL, *to = NULL;

    write_checkpoint(good, 8);
    ck_assert_int_eq(clr_h5_open(good, &from), CLR_OK);
    ck_assert_int_eq(clr_h5_list(from, "/", &names, &n), CLR_OK);
    for (int64_t bad = 0; bad < n; bad++) {
        ck_assert_int_eq(clr_h5_create(path, &to), CLR_OK);
        bool poisoned = false, done = true;
        for (int64_t i = 0; i < n && done; i++) {
            int64_t shape[CLR_H5_RANK];
            float block[1024];
            clr_h5_type type;
            int rank;
            done = clr_h5_shape(from, names[i], &type, &rank, shape) == CLR_OK;
            int64_t count = shape[0] * shape[1] * shape[2] * shape[3];
            done = done && clr_h5_read(from, names[i], type, count, block) == CLR_OK;
            if (i == bad && type == CLR_H5_F32) {
                block[count - 1] = values[bad % 3];
                poisoned = true;
            }
            done = done && clr_h5_write(to, names[i], type, rank, shape, block) == CLR_OK;
        }
        done = done && clr_h5_set_text(to, "format", "simclr checkpoint 1") == CLR_OK &&
               clr_h5_set_text(to, "config", "") == CLR_OK && clr_h5_set_text(to, "simclr_version", "") == CLR_OK &&
               clr_h5_set_real(to, "epoch", 0.5) == CLR_OK;
        for (int i = 0; i < 2; i++)
            done = done && clr_h5_set_int(to, numbers[i], 8) == CLR_OK;
        ck_assert_msg(done && clr_h5_commit(to) == CLR_OK, "%s", clr_message());
        if (!poisoned)
            continue;
        refused(read_checkpoint, names[bad], "not finite");
        ck_assert_msg(strstr(clr_message(), names[bad]) != NULL, "'%s' does not name %s", clr_message(), names[bad]);
    }
    for (int64_t i = 0; i < n; i++)
        clr_free(names[i]);
    clr_free(names);
    clr_h5_close(from);
}
END_TEST

START_TEST(meta_of_checkpoints)
{
    char *newest = NULL;

    write_checkpoint(path, 9); /* under the name of step 8 */
    ck_assert_int_eq(clr_ckpt_newest(top, &newest), CLR_EINPUT);
    for (int i = 0; i < 4; i++) {
        static const double epochs[] = {0.5, -1, NAN, INFINITY};
        clr_params p;
        clr_optim *optim = open_network(&p);
        clr_ckpt_meta meta = {i ? 8 : -8, epochs[i], 1, "", "9.9"};
        ck_assert_int_eq(fixture_write(path, &meta, &p, optim), CLR_OK);
        clr_optim_free(optim);
        clr_params_close(&p);
        refused(read_checkpoint, "meta", "a step or an epoch that cannot be");
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("hostile");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, datasets_of_stores, 0, LAYOUTS);
    tcase_add_loop_test(tcase, datasets_of_checkpoints, 0, 4);
    tcase_add_test(tcase, attributes);
    tcase_add_test(tcase, groups);
    tcase_add_test(tcase, superblocks);
    tcase_add_test(tcase, no_files);
    tcase_add_test(tcase, claims_of_stores);
    tcase_add_test(tcase, poisoned_checkpoints);
    tcase_add_test(tcase, meta_of_checkpoints);
    return clr_test_run("hostile", tcase, CK_FORK_GETENV);
}
