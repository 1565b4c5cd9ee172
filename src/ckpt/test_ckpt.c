/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints: bit for bit back, damage and misfits named and harmless, saving behind the training, a full disk. */
#include "files.h"
#include "fixture.h"

#include "clr/ckpt.h"
#include "clr/h5.h"
#include "clr/mem.h"
#include "clr/test.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[CLR_TEST_FOLDER], path[80];
static clr_params params;
static clr_optim *optim;

static void add_weight(clr_params *p, const char *name, clr_role role, int r, int s, int c, int k)
{
    clr_entry entry = {.role = role, .r = r, .s = s, .c = c, .k = k, .initial = 0.5};

    snprintf(entry.name, sizeof entry.name, "%s", name);
    clr_table_add(&p->weights, &entry);
}

static void add_states(clr_params *p, const char *name, int k)
{
    clr_entry entry = {.role = CLR_ROLE_VECTOR, .r = 1, .s = 1, .c = 1, .k = k};

    snprintf(entry.name, sizeof entry.name, "%s.running_mean", name);
    clr_table_add(&p->states, &entry);
    snprintf(entry.name, sizeof entry.name, "%s.running_var", name);
    clr_table_add(&p->states, &entry);
}

/* A network in small: taps, a stride of odd sizes, a head. first: filters of the first convolution. */
static void open_network(clr_params *p, int first)
{
    *p = (clr_params){0};
    add_weight(p, "encoder/conv1.weight", CLR_ROLE_CONV, 3, 3, 3, first);
    add_weight(p, "encoder/bn1.weight", CLR_ROLE_VECTOR, 1, 1, 1, first);
    add_weight(p, "encoder/bn1.bias", CLR_ROLE_VECTOR, 1, 1, 1, first);
    add_weight(p, "encoder/layer1.0.conv1.weight", CLR_ROLE_CONV, 1, 2, first, 5);
    add_weight(p, "head/0.weight", CLR_ROLE_LINEAR, 1, 1, 5, 4);
    add_states(p, "encoder/bn1", first);
    add_states(p, "head/1", 4);
    clr_params_open(p);
}

static void fill(float *block, const clr_table *table, float by)
{
    for (int e = 0; e < table->entries; e++)
        for (int64_t i = 0; i < table->entry[e].count; i++)
            block[table->entry[e].offset + i] = by + (float)e / 7 + 0.001f * (float)i;
}

static void fill_all(clr_params *p, clr_optim *o, float by)
{
    fill(p->value, &p->weights, by);
    fill(p->state, &p->states, by + 1);
    for (int s = 0; s < clr_optim_slots(o); s++)
        fill(clr_optim_slot(o, s), &p->weights, by + 2 + (float)s);
    p->batches = (int64_t)by;
}

static clr_optim *new_optim(clr_params *p, clr_optim_kind kind)
{
    clr_optim_config config = {kind, 0.9, 1e-6};
    return clr_optim_new(&config, p);
}

static void setup(void)
{
    clr_test_folder_begin(top);
    snprintf(path, sizeof path, "%s/step-00000007.h5", top);
    open_network(&params, 8);
    optim = new_optim(&params, CLR_OPTIM_adamw);
    fill_all(&params, optim, 3);
}

static void teardown(void)
{
    clr_optim_free(optim);
    clr_params_close(&params);
    clr_test_folder_end(top);
}

static clr_ckpt_meta meta_of(int64_t step)
{
    return (clr_ckpt_meta){
        step, 0.1 * (double)step, UINT64_C(0xfedcba9876543210), "arch = resnet18\nwidth = 1/4\n", "9.9", NULL, NULL};
}

static void write_at(const char *where, int64_t step)
{
    clr_ckpt_meta meta = meta_of(step);
    ck_assert_msg(fixture_write(where, &meta, &params, optim) == CLR_OK, "%s", clr_message());
}

static bool same_block(const float *a, const float *b, const clr_table *table)
{
    for (int e = 0; e < table->entries; e++)
        if (memcmp(a + table->entry[e].offset, b + table->entry[e].offset, (size_t)table->entry[e].count * sizeof *a))
            return false;
    return true;
}

static bool same(clr_params *p, clr_optim *o)
{
    bool good = same_block(p->value, params.value, &p->weights) && same_block(p->state, params.state, &p->states) &&
                p->batches == params.batches;

    for (int s = 0; s < clr_optim_slots(o); s++)
        good = good && same_block(clr_optim_slot(o, s), clr_optim_slot(optim, s), &p->weights);
    return good;
}

static int entries(const char *part)
{
    DIR *folder = opendir(top);
    struct dirent *entry;
    int n = 0;

    while ((entry = readdir(folder)))
        n += strstr(entry->d_name, part) != NULL;
    closedir(folder);
    return n;
}

START_TEST(comes_back_bit_for_bit)
{
    clr_params other;
    clr_ckpt_meta meta;

    write_at(path, 7);
    open_network(&other, 8);
    clr_optim *slots = new_optim(&other, CLR_OPTIM_adamw);
    ck_assert(!same(&other, slots));
    ck_assert_msg(fixture_read(path, &other, slots) == CLR_OK, "%s", clr_message());
    ck_assert(same(&other, slots));
    ck_assert_int_eq(clr_ckpt_read_meta(path, &meta), CLR_OK);
    ck_assert(meta.step == 7 && meta.epoch == 0.1 * 7 && meta.seed == UINT64_C(0xfedcba9876543210));
    ck_assert_str_eq(meta.config, "arch = resnet18\nwidth = 1/4\n");
    ck_assert_str_eq(meta.version, "9.9");
    ck_assert_ptr_null(meta.plan); /* as in files of before */
    ck_assert_ptr_null(meta.layout);
    clr_ckpt_meta_free(&meta);
    meta = meta_of(7);
    meta.plan = "simclr-plan\n1 2 3\n";
    meta.layout = "2 ranks";
    ck_assert_int_eq(fixture_write(path, &meta, &params, optim), CLR_OK);
    ck_assert_int_eq(clr_ckpt_read_meta(path, &meta), CLR_OK);
    ck_assert_str_eq(meta.plan, "simclr-plan\n1 2 3\n");
    ck_assert_str_eq(meta.layout, "2 ranks");
    ck_assert_int_eq(fixture_read(path, &other, slots), CLR_OK);
    clr_ckpt_meta_free(&meta);
    clr_optim_free(slots);
    clr_params_close(&other);
}
END_TEST

/* torchvision's conv weights are (out, in, kh, kw). */
START_TEST(files_hold_torchvisions_layout)
{
    float file[8][3][3][3];
    clr_h5 *h5 = NULL;
    int64_t batches = 0;

    write_at(path, 7);
    ck_assert_int_eq(clr_h5_open(path, &h5), CLR_OK);
    ck_assert_int_eq(clr_h5_read(h5, "/model/encoder/conv1.weight", CLR_H5_F32, 8 * 27, file), CLR_OK);
    for (int k = 0; k < 8; k++)
        for (int c = 0; c < 3; c++)
            for (int r = 0; r < 3; r++)
                for (int s = 0; s < 3; s++)
                    ck_assert(file[k][c][r][s] == params.value[((r * 3 + s) * 3 + c) * 8 + k]);
    ck_assert_int_eq(clr_h5_read(h5, "/model/head/1.num_batches_tracked", CLR_H5_I64, 1, &batches), CLR_OK);
    ck_assert_int_eq(batches, 3);
    ck_assert(clr_h5_has(h5, "/optimizer/adamw/exp_avg_sq/encoder/layer1.0.conv1.weight"));
    clr_h5_close(h5);
}
END_TEST

static void refused(clr_params *p, clr_optim *o, const char *because)
{
    fill_all(p, o, 50);
    ck_assert_int_eq(fixture_read(path, p, o), CLR_EINPUT);
    ck_assert_msg(strstr(clr_message(), because) && strstr(clr_message(), path), "%s", clr_message());
    ck_assert(p->value[0] == 50 && p->state[0] == 51 && p->batches == 50 && clr_optim_slot(o, 0)[0] == 52);
}

START_TEST(misfits_are_named_and_change_nothing)
{
    clr_params other;

    write_at(path, 7);
    open_network(&other, 9);
    clr_optim *slots = new_optim(&other, CLR_OPTIM_adamw);
    refused(&other, slots, "/model/encoder/conv1.weight has the shape (8, 3, 3, 3); this network's is (9, 3, 3, 3)");
    clr_optim_free(slots);
    clr_params_close(&other);

    open_network(&other, 8);
    clr_params_close(&other);
    add_weight(&other, "encoder/conv1.weight", CLR_ROLE_CONV, 3, 3, 3, 8);
    add_weight(&other, "encoder/conv9.weight", CLR_ROLE_CONV, 3, 3, 3, 8);
    add_states(&other, "encoder/bn1", 8);
    clr_params_open(&other);
    slots = new_optim(&other, CLR_OPTIM_adamw);
    refused(&other, slots, "which this network does not have");
    clr_optim_free(slots);
    clr_params_close(&other);

    open_network(&other, 8);
    slots = new_optim(&other, 0);
    refused(&other, slots, "another optimizer, not of lars");
    clr_optim_free(slots);
    slots = new_optim(&other, CLR_OPTIM_adamw);
    clr_ckpt_meta meta = meta_of(1);
    ck_assert_int_eq(fixture_write(path, &meta, &params, NULL), CLR_OK);
    refused(&other, slots, "weights only");
    ck_assert_int_eq(fixture_read(path, &other, NULL), CLR_OK);
    clr_optim_free(slots);
    clr_params_close(&other);
}
END_TEST

static char *slurp(const char *from, long *bytes)
{
    FILE *file = fopen(from, "rb");

    fseek(file, 0, SEEK_END);
    *bytes = ftell(file);
    rewind(file);
    char *data = CLR_NEW(char, *bytes);
    ck_assert_uint_eq(fread(data, 1, (size_t)*bytes, file), (size_t)*bytes);
    fclose(file);
    return data;
}

static void spill(const char *to, const char *data, long bytes)
{
    FILE *file = fopen(to, "wb");

    ck_assert_uint_eq(fwrite(data, 1, (size_t)bytes, file), (size_t)bytes);
    fclose(file);
}

/* A flipped bit is refused and changes nothing, or sits where nothing is kept and everything comes back. */
START_TEST(damage_is_found_or_harmless)
{
    clr_params other;
    long bytes;
    int found = 0, tried = 0;

    write_at(path, 7);
    open_network(&other, 8);
    clr_optim *slots = new_optim(&other, CLR_OPTIM_adamw);
    char *data = slurp(path, &bytes);
    for (long at = 0; at < bytes; at += 41, tried++) {
        data[at] ^= 1 << at % 8;
        spill(path, data, bytes);
        data[at] ^= 1 << at % 8;
        fill_all(&other, slots, 50);
        if (fixture_read(path, &other, slots) == CLR_OK) {
            ck_assert_msg(same(&other, slots), "byte %ld", at);
        } else {
            ck_assert_msg(other.value[0] == 50 && other.state[0] == 51 && other.batches == 50, "byte %ld", at);
            found++;
        }
    }
    ck_assert_int_gt(found, tried / 3);
    for (long n = 0; n < bytes; n += n < 4096 ? 97 : 1009) {
        spill(path, data, n);
        ck_assert_msg(fixture_read(path, &other, slots) == CLR_EINPUT, "%ld bytes", n);
    }
    clr_free(data);
    clr_optim_free(slots);
    clr_params_close(&other);
}
END_TEST

static char *latest(void)
{
    static char text[80];
    char name[80];
    FILE *file;

    snprintf(name, sizeof name, "%s/latest", top);
    file = fopen(name, "r");
    if (!file || !fgets(text, sizeof text, file))
        strcpy(text, "none");
    if (file)
        fclose(file);
    return text;
}

START_TEST(the_newest_good_one_is_found)
{
    char newer[80], *found = NULL;
    long bytes;

    ck_assert_int_eq(clr_ckpt_newest("no-such-folder", &found), CLR_OK);
    ck_assert_ptr_null(found);
    ck_assert_int_eq(clr_ckpt_newest(top, &found), CLR_OK);
    ck_assert_ptr_null(found);
    write_at(path, 7);
    for (int step = 10; step < 13; step++) { /* cut short, empty, one byte turned */
        snprintf(newer, sizeof newer, "%s/step-%08d.h5", top, step);
        write_at(newer, step);
        char *data = slurp(newer, &bytes);
        for (long at = bytes / 2; at < bytes / 2 + 64; at++)
            data[at] ^= 4;
        spill(newer, data, step == 10 ? bytes / 2 : step == 11 ? 0 : bytes);
        clr_free(data);
    }
    ck_assert_int_eq(clr_ckpt_newest(top, &found), CLR_OK);
    ck_assert_str_eq(found, path);
    clr_free(found);
    rename(path, "kept");
    ck_assert_int_eq(clr_ckpt_newest(top, &found), CLR_EINPUT);
    ck_assert(strstr(clr_message(), "up to step 12") != NULL);
    ck_assert_ptr_null(found);
    rename("kept", path);
    ck_assert_int_eq(clr_ckpt_set_aside(top, 7), CLR_OK);
    ck_assert_int_eq(entries(".bad"), 3);
    ck_assert_int_eq(entries("step-00000012.h5.bad"), 1);
    ck_assert_str_eq(latest(), "step-00000007.h5\n"); /* whatever it said before */
    ck_assert_int_eq(clr_ckpt_newest(top, &found), CLR_OK);
    ck_assert_str_eq(found, path);
    clr_free(found);
}
END_TEST

static clr_saver *open_saver(int keep)
{
    clr_saver *saver = NULL;

    ck_assert_msg(clr_saver_open(top, keep, &params, optim, &saver) == CLR_OK, "%s", clr_message());
    return saver;
}

/* While the file system is held up (here: HDF5's lock), training goes on, and what is saved is what stood at begin. */
START_TEST(saving_hides_behind_training)
{
    clr_saver *saver = open_saver(2);
    clr_ckpt_meta meta = meta_of(7);
    clr_params before;

    clr_h5_lock();
    ck_assert_int_eq(clr_saver_begin(saver, &meta), CLR_OK);
    open_network(&before, 8);
    clr_optim *slots = new_optim(&before, CLR_OPTIM_adamw);
    fill_all(&params, optim, 90);
    clr_h5_unlock();
    ck_assert_int_eq(clr_saver_wait(saver), CLR_OK);
    ck_assert_int_eq(fixture_read(path, &before, slots), CLR_OK);
    fill_all(&params, optim, 3);
    ck_assert(same(&before, slots));
    ck_assert_str_eq(latest(), "step-00000007.h5\n");
    ck_assert(clr_saver_seconds(saver) > 0);
    clr_saver_close(saver);
    clr_optim_free(slots);
    clr_params_close(&before);
}
END_TEST

START_TEST(the_newest_few_are_kept)
{
    char stale[80];
    clr_ckpt_meta meta = meta_of(0);

    snprintf(stale, sizeof stale, "%s/step-00000001.h5.tmp-1", top);
    spill(stale, "x", 1);
    snprintf(stale, sizeof stale, "%s/latest.tmp-1", top);
    spill(stale, "x", 1);
    snprintf(stale, sizeof stale, "%s/step-00000099.h5", top); /* of a later step, damaged */
    spill(stale, "x", 1);
    clr_saver *saver = open_saver(2);
    ck_assert_int_eq(entries(".tmp-"), 0);
    for (meta.step = 0; meta.step < 50; meta.step += 10)
        ck_assert_int_eq(clr_saver_begin(saver, &meta), CLR_OK);
    clr_saver_close(saver);
    ck_assert_int_eq(entries("step-"), 3);
    ck_assert_int_eq(entries("step-00000030.h5") + entries("step-00000040.h5") + entries("step-00000099.h5"), 3);
    ck_assert_str_eq(latest(), "step-00000040.h5\n");
}
END_TEST

/* An old checkpoint that cannot be deleted (a folder here) is named, and keeps no other from being deleted. */
START_TEST(what_cannot_be_deleted_is_named)
{
    char stuck[80], old[80];

    snprintf(stuck, sizeof stuck, "%s/step-00000010.h5", top);
    ck_assert_int_eq(mkdir(stuck, 0777), 0);
    for (int step = 5; step <= 40; step += step < 10 ? 15 : 10) { /* 5, 20, 30, 40 */
        snprintf(old, sizeof old, "%s/step-%08d.h5", top, step);
        spill(old, "x", 1);
    }
    ck_assert_int_eq(clr_ckpt_prune(top, 2, 40), CLR_EIO);
    ck_assert_ptr_nonnull(strstr(clr_message(), "step-00000010.h5: this old checkpoint cannot be deleted: "));
    ck_assert_ptr_nonnull(strstr(clr_message(), "--keep=2"));
    ck_assert_int_eq(entries("step-"), 3);
    ck_assert_int_eq(entries("step-00000030.h5") + entries("step-00000040.h5") + entries("step-00000010.h5"), 3);
    ck_assert_int_eq(rmdir(stuck), 0);
    ck_assert_int_eq(clr_ckpt_prune(top, 2, 40), CLR_OK);
}
END_TEST

/* A disk that takes no more than some bytes a file. */
static void limit(rlim_t bytes)
{
    struct rlimit most = {bytes, RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &most), 0);
}

START_TEST(a_failed_save_is_told_once_and_harms_nothing)
{
    static const rlim_t capacity[] = {0, 1, 100, 2000, 3000, 5000, 8000};
    clr_saver *saver = open_saver(1);
    clr_ckpt_meta meta = meta_of(7);
    char *found = NULL;

    ck_assert_int_eq(clr_saver_begin(saver, &meta), CLR_OK);
    ck_assert_int_eq(clr_saver_wait(saver), CLR_OK);
    for (size_t i = 0; i < sizeof capacity / sizeof *capacity; i++) {
        meta.step = 8 + (int64_t)i;
        limit(capacity[i]);
        ck_assert_int_eq(clr_saver_begin(saver, &meta), CLR_OK);
        ck_assert_int_eq(clr_saver_wait(saver), CLR_EIO);
        ck_assert_msg(strstr(clr_message(), "File too large") && strstr(clr_message(), "step-0000"), "%s",
                      clr_message());
        limit(RLIM_INFINITY);
        ck_assert_int_eq(clr_saver_wait(saver), CLR_OK);
        ck_assert_int_eq(entries("step-"), 1);
        ck_assert_int_eq(entries(".tmp-"), 0);
        ck_assert_str_eq(latest(), "step-00000007.h5\n");
        ck_assert_int_eq(clr_ckpt_newest(top, &found), CLR_OK);
        ck_assert_str_eq(found, path);
        clr_free(found);
    }
    meta.step = 20; /* room again: the same saver goes on */
    ck_assert_int_eq(clr_saver_begin(saver, &meta), CLR_OK);
    ck_assert_int_eq(clr_saver_wait(saver), CLR_OK);
    ck_assert_str_eq(latest(), "step-00000020.h5\n");
    ck_assert_int_eq(entries("step-"), 1);
    clr_saver_close(saver);
}
END_TEST

/* Wherever it stands: the save is refused at once, names tensor and step, and the next one is as good as any. */
START_TEST(what_is_not_finite_is_not_saved)
{
    struct {
        float *block;
        const char *first, *last;
    } kinds[] = {
        {params.value, "/model/encoder/conv1.weight[0] is", "/model/head/0.weight["},
        {params.state, "/model/encoder/bn1.running_mean[0] is", "/model/head/1.running_var["},
        {clr_optim_slot(optim, 0), "/optimizer/adamw/exp_avg/encoder/conv1.weight[0] is",
         "/optimizer/adamw/exp_avg/head/0.weight["},
        {clr_optim_slot(optim, 1), "/optimizer/adamw/exp_avg_sq/encoder/conv1.weight[0] is",
         "exp_avg_sq/head/0.weight["},
    };
    static const float values[] = {NAN, INFINITY, -INFINITY};
    clr_ckpt_meta meta = meta_of(7);
    clr_saver *saver = open_saver(3);

    ck_assert_int_eq(clr_saver_saved(saver), -1);
    for (int i = 0; i < 24; i++) {
        bool last = i % 2;
        const clr_table *table = i / 2 % 4 == 1 ? &params.states : &params.weights;
        const clr_entry *entry = &table->entry[last ? table->entries - 1 : 0];
        float *at = kinds[i / 2 % 4].block + entry->offset + (last ? entry->count - 1 : 0), before = *at;
        *at = values[i / 8];
        ck_assert_int_eq(clr_saver_begin(saver, &meta), CLR_ENUMERIC);
        const char *want = last ? kinds[i / 2 % 4].last : kinds[i / 2 % 4].first;
        ck_assert_msg(strstr(clr_message(), want) && strstr(clr_message(), "step 7"), "'%s' does not say '%s'",
                      clr_message(), want);
        ck_assert_int_eq(fixture_write(path, &meta, &params, optim), CLR_ENUMERIC);
        *at = before;
    }
    ck_assert_int_eq(clr_saver_wait(saver), CLR_OK);
    ck_assert_int_eq(entries("step-"), 0);
    ck_assert_int_eq(clr_saver_begin(saver, &meta), CLR_OK);
    ck_assert_int_eq(clr_saver_wait(saver), CLR_OK);
    ck_assert_int_eq(clr_saver_saved(saver), 7);
    clr_saver_close(saver);
}
END_TEST

START_TEST(other_ranks_savers_are_null)
{
    clr_ckpt_meta meta = meta_of(1);

    ck_assert_int_eq(clr_saver_begin(NULL, &meta), CLR_OK);
    ck_assert_int_eq(clr_saver_wait(NULL), CLR_OK);
    clr_saver_close(NULL);
    ck_assert_int_eq(clr_saver_open("no-such/folder", 1, &params, optim, &(clr_saver *){NULL}), CLR_EIO);
    ck_assert(strstr(clr_message(), "no-such/folder") != NULL);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("ckpt");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, comes_back_bit_for_bit);
    tcase_add_test(tcase, files_hold_torchvisions_layout);
    tcase_add_test(tcase, misfits_are_named_and_change_nothing);
    tcase_add_test(tcase, damage_is_found_or_harmless);
    tcase_add_test(tcase, the_newest_good_one_is_found);
    tcase_add_test(tcase, saving_hides_behind_training);
    tcase_add_test(tcase, the_newest_few_are_kept);
    tcase_add_test(tcase, what_cannot_be_deleted_is_named);
    tcase_add_test(tcase, a_failed_save_is_told_once_and_harms_nothing);
    tcase_add_test(tcase, what_is_not_finite_is_not_saved);
    tcase_add_test(tcase, other_ranks_savers_are_null);
    return clr_test_run("ckpt", tcase, CK_FORK_GETENV);
}
