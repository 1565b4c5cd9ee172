/* SPDX-License-Identifier: BSD-3-Clause */
/* HDF5 files: round trips, everything that can be wrong with a file, and disks that are full. */
#include "clr/h5.h"
#include "clr/hash.h"
#include "clr/mem.h"
#include "clr/test.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
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

static int entries_of(const char *name)
{
    DIR *folder = opendir(name);
    int n = 0;

    while (readdir(folder))
        n++;
    closedir(folder);
    return n - 2;
}

#define OK(call) ck_assert_msg((call) == CLR_OK, "%s", clr_message())

static float value(int64_t i, float by)
{
    return by + 0.25f * (float)(i % 1000);
}

/* A file with one dataset of every kind. by: told apart by it. */
static clr_h5 *begin(const char *to, float by, int64_t many)
{
    static const char *const texts[] = {"", "ant", "bee \xc3\xa9", "a longer one"};
    float *block = CLR_NEW(float, many), real = by;
    int64_t shape[4] = {2, 3, 1, 4}, whole[24];
    clr_h5_rows *rows = NULL;
    clr_h5 *file = NULL;

    for (int64_t i = 0; i < many; i++)
        block[i] = value(i, by);
    for (int i = 0; i < 24; i++)
        whole[i] = INT64_MIN + i;
    OK(clr_h5_create(to, &file));
    OK(clr_h5_set_text(file, "format", "test 1"));
    OK(clr_h5_set_int(file, "step", -7));
    OK(clr_h5_set_real(file, "epoch", 0.1));
    OK(clr_h5_write(file, "/scalar", CLR_H5_F32, 0, NULL, &real));
    OK(clr_h5_write(file, "/a/b/whole", CLR_H5_I64, 4, shape, whole));
    OK(clr_h5_write(file, "/a/block", CLR_H5_F32, 1, &many, block));
    OK(clr_h5_write(file, "/a/none", CLR_H5_F64, 2, (int64_t[]){0, 5}, NULL));
    OK(clr_h5_write_texts(file, "/texts", texts, 4));
    OK(clr_h5_rows_begin(file, "/rows", CLR_H5_U8, 3, (int64_t[]){13, 3, 1}, &rows));
    for (int i = 0; i < 13; i += 4) {
        uint8_t some[12];
        for (int j = 0; j < 12; j++)
            some[j] = (uint8_t)(3 * i + j);
        OK(clr_h5_rows_append(rows, some, i + 4 <= 13 ? 4 : 13 - i));
    }
    OK(clr_h5_rows_end(rows));
    clr_free(block);
    return file;
}

/* Everything is there, of this `by`. Statuses that say otherwise are fine: the caller asks about what was read. */
static bool intact(const char *from, float by, int64_t many)
{
    float *block = CLR_NEW(float, many), real = 0;
    int64_t whole[24] = {0}, step = 0, n = 0;
    uint8_t rows[39] = {0};
    char *format = NULL, **texts = NULL;
    double epoch = 0;
    clr_h5 *file = NULL;
    bool good = clr_h5_open(from, &file) == CLR_OK && clr_h5_verify(file, NULL) == CLR_OK;

    good = good && clr_h5_get_text(file, "format", &format) == CLR_OK && !strcmp(format, "test 1");
    good = good && clr_h5_get_int(file, "step", &step) == CLR_OK && step == -7;
    good = good && clr_h5_get_real(file, "epoch", &epoch) == CLR_OK && epoch == 0.1;
    good = good && clr_h5_read(file, "/scalar", CLR_H5_F32, 1, &real) == CLR_OK && real == by;
    good = good && clr_h5_read(file, "/a/b/whole", CLR_H5_I64, 24, whole) == CLR_OK;
    good = good && clr_h5_read(file, "/a/block", CLR_H5_F32, many, block) == CLR_OK;
    good = good && clr_h5_read(file, "/rows", CLR_H5_U8, 39, rows) == CLR_OK;
    good = good && clr_h5_read_texts(file, "/texts", &texts, &n) == CLR_OK && n == 4 &&
           !strcmp(texts[2], "bee \xc3\xa9") && !*texts[0];
    for (int i = 0; i < 24 && good; i++)
        good = whole[i] == INT64_MIN + i;
    for (int64_t i = 0; i < many && good; i++)
        good = block[i] == value(i, by);
    for (int i = 0; i < 39 && good; i++)
        good = rows[i] == i;
    for (int64_t i = 0; i < n; i++)
        clr_free(texts[i]);
    clr_free(texts);
    clr_free(format);
    clr_free(block);
    clr_h5_close(file);
    return good;
}

START_TEST(everything_comes_back)
{
    clr_h5 *file;
    int64_t shape[CLR_H5_RANK], offset, n;
    clr_h5_type type;
    int rank;
    char **names;

    OK(clr_h5_commit(begin(path, 1, 100)));
    ck_assert(intact(path, 1, 100));
    ck_assert_int_eq(entries_of(top), 1);
    OK(clr_h5_open(path, &file));
    OK(clr_h5_shape(file, "/a/b/whole", &type, &rank, shape));
    ck_assert(type == CLR_H5_I64 && rank == 4 && shape[0] == 2 && shape[1] == 3 && shape[2] == 1 && shape[3] == 4);
    OK(clr_h5_shape(file, "/scalar", &type, &rank, shape));
    ck_assert(type == CLR_H5_F32 && rank == 0 && shape[0] == 1);
    uint8_t part[6], raw[6];
    OK(clr_h5_read_rows(file, "/rows", CLR_H5_U8, 5, 2, part));
    ck_assert(part[0] == 15 && part[5] == 20);
    OK(clr_h5_offset(file, "/rows", &offset));
    FILE *bytes = fopen(path, "rb");
    fseek(bytes, (long)offset + 15, SEEK_SET);
    ck_assert_uint_eq(fread(raw, 1, 6, bytes), 6);
    fclose(bytes);
    ck_assert_int_eq(memcmp(part, raw, 6), 0);
    OK(clr_h5_list(file, "/a", &names, &n));
    ck_assert_int_eq(n, 3);
    ck_assert_str_eq(names[0], "/a/b/whole");
    ck_assert_str_eq(names[1], "/a/block");
    for (int64_t i = 0; i < n; i++)
        clr_free(names[i]);
    clr_free(names);
    clr_h5_close(file);
}
END_TEST

START_TEST(equal_contents_are_equal_bytes)
{
    char other[64], command[200];

    snprintf(other, sizeof other, "%s/y.h5", top);
    OK(clr_h5_commit(begin(path, 1, 100)));
    sleep(1);
    OK(clr_h5_commit(begin(other, 1, 100)));
    snprintf(command, sizeof command, "cmp '%s' '%s'", path, other);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(a_discarded_file_leaves_the_old_one)
{
    OK(clr_h5_commit(begin(path, 1, 100)));
    clr_h5 *file = begin(path, 2, 100);
    ck_assert_int_eq(entries_of(top), 2);
    clr_h5_discard(file);
    ck_assert_int_eq(entries_of(top), 1);
    ck_assert(intact(path, 1, 100));
    OK(clr_h5_commit(begin(path, 2, 100)));
    ck_assert(intact(path, 2, 100));
}
END_TEST

static void says(clr_status st, clr_status want, const char *part)
{
    ck_assert_int_eq(st, want);
    ck_assert_msg(strstr(clr_message(), part) != NULL, "'%s' does not say '%s'", clr_message(), part);
}

START_TEST(what_is_missing_is_named)
{
    clr_h5 *file;
    float block[100];
    int64_t n;
    char *text;

    says(clr_h5_open("no-such.h5", &file), CLR_EIO, "no-such.h5: cannot be read: No such file");
    says(clr_h5_create("no-such/x.h5", &file), CLR_EIO, "no-such/x.h5: cannot be created: No such file");
    OK(clr_h5_commit(begin(path, 1, 100)));
    OK(clr_h5_open(path, &file));
    says(clr_h5_read(file, "/a/c", CLR_H5_F32, 100, block), CLR_EINPUT, "x.h5: has no dataset /a/c");
    says(clr_h5_read(file, "/x/y/z", CLR_H5_F32, 100, block), CLR_EINPUT, "/x/y/z");
    says(clr_h5_read(file, "/a/block", CLR_H5_F32, 99, block), CLR_EINPUT, "/a/block holds 100 values, not 99");
    says(clr_h5_read(file, "/a/block", CLR_H5_I32, 100, block), CLR_EINPUT, "/a/block holds float32, not int32");
    says(clr_h5_read_rows(file, "/rows", CLR_H5_U8, 12, 2, block), CLR_EINPUT, "/rows has 13 rows, not 14");
    says(clr_h5_get_text(file, "nothing", &text), CLR_EINPUT, "attribute nothing: is missing");
    says(clr_h5_get_int(file, "format", &n), CLR_EINPUT, "format");
    ck_assert(!clr_h5_has(file, "/nothing") && clr_h5_has(file, "/a/b"));
    clr_h5_close(file);
}
END_TEST

static char *slurp(long *bytes)
{
    FILE *file = fopen(path, "rb");

    fseek(file, 0, SEEK_END);
    *bytes = ftell(file);
    rewind(file);
    char *data = CLR_NEW(char, *bytes);
    ck_assert_uint_eq(fread(data, 1, (size_t)*bytes, file), (size_t)*bytes);
    fclose(file);
    return data;
}

static void spill(const char *data, long bytes)
{
    FILE *file = fopen(path, "wb");

    ck_assert_uint_eq(fwrite(data, 1, (size_t)bytes, file), (size_t)bytes);
    fclose(file);
}

/* Whatever byte is turned, or wherever the file ends: it is noticed, or everything comes back. Nothing hangs or
   falls over. */
START_TEST(damage_is_found_or_harmless)
{
    long bytes;
    clr_h5 *file;

    OK(clr_h5_commit(begin(path, 1, 300)));
    char *data = slurp(&bytes);
    int found = 0, harmless = 0, tried = 0;
    for (long at = 0; at < bytes; at += 3, tried++) {
        data[at] ^= (char)(tried % 2 ? 1 << at % 8 : 0xff);
        spill(data, bytes);
        data[at] ^= (char)(tried % 2 ? 1 << at % 8 : 0xff);
        found += clr_h5_open(path, &file) != CLR_OK || clr_h5_verify(file, NULL) != CLR_OK;
        clr_h5_close(file);
        harmless += intact(path, 1, 300);
    }
    ck_assert_int_eq(found + harmless, tried);
    ck_assert_int_gt(found, tried / 4);
    for (long n = 0; n < bytes; n += 53) {
        spill(data, n);
        ck_assert_msg(clr_h5_open(path, &file) == CLR_EINPUT, "%ld bytes", n);
        ck_assert(strstr(clr_message(), "x.h5: is not a whole HDF5 file") != NULL);
    }
    clr_free(data);
}
END_TEST

/* The links of a large group lie in a heap of their own, and HDF5 has fallen over a damaged one. */
START_TEST(a_damaged_large_group_is_survived)
{
    enum { MANY = 64 };
    char name[40], **names;
    long bytes;
    int64_t n;
    clr_h5 *file;
    float value = 1;
    int found = 0, tried = 0;

    OK(clr_h5_create(path, &file));
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "/group/layer%d.%d.weight", i % 4, i);
        OK(clr_h5_write(file, name, CLR_H5_F32, 1, (int64_t[]){1}, &value));
    }
    OK(clr_h5_commit(file));
    char *data = slurp(&bytes);
    for (long at = 0; at < bytes; at += 3, tried++) {
        data[at] ^= (char)(0x5a + tried % 2);
        spill(data, bytes);
        data[at] ^= (char)(0x5a + tried % 2);
        if (clr_h5_open(path, &file) != CLR_OK || clr_h5_list(file, "/", &names, &n) != CLR_OK) {
            clr_h5_close(file);
            found++;
            continue;
        }
        if (!(n == MANY && !strcmp(names[0], "/group/layer0.0.weight") &&
              !strcmp(names[n - 1], "/group/layer3.7.weight")))
            ck_abort_msg("byte %ld turned: %lld names, from %s to %s", at, (long long)n, names[0], names[n - 1]);
        for (int64_t i = 0; i < n; i++)
            clr_free(names[i]);
        clr_free(names);
        clr_h5_close(file);
    }
    ck_assert_int_gt(found, tried / 8);
    clr_free(data);
}
END_TEST

/* Turned bits in the data itself name the dataset. */
START_TEST(damaged_data_is_named)
{
    long bytes;
    int64_t offset;
    clr_h5 *file;

    OK(clr_h5_commit(begin(path, 1, 100)));
    OK(clr_h5_open(path, &file));
    OK(clr_h5_offset(file, "/a/block", &offset));
    clr_h5_close(file);
    char *data = slurp(&bytes);
    for (int at = 0; at < 400; at += 7) {
        data[offset + at] ^= (char)(1 << at % 8);
        spill(data, bytes);
        data[offset + at] ^= (char)(1 << at % 8);
        OK(clr_h5_open(path, &file));
        says(clr_h5_verify(file, NULL), CLR_EINPUT, "x.h5: /a/block is damaged");
        OK(clr_h5_verify(file, "/rows"));
        clr_h5_close(file);
    }
    clr_free(data);
}
END_TEST

static int open_files(void)
{
    return entries_of("/proc/self/fd");
}

/* Writes until something fails, or to the end; returns the outcome. */
static clr_status attempt(const char *to)
{
    int64_t small = 100, large = 60000;
    float *block = CLR_NEW(float, large);
    char name[32];
    clr_h5_rows *rows = NULL;
    clr_h5 *file = NULL;
    clr_status st = clr_h5_create(to, &file);

    for (int i = 0; i < 20 && st == CLR_OK; i++) {
        snprintf(name, sizeof name, "/model/w%d", i);
        st = clr_h5_write(file, name, CLR_H5_F32, 1, i < 15 ? &small : &large, block);
    }
    if (st == CLR_OK)
        st = clr_h5_rows_begin(file, "/rows", CLR_H5_F32, 2, (int64_t[]){600, 100}, &rows);
    for (int i = 0; i < 600 && st == CLR_OK; i++)
        st = clr_h5_rows_append(rows, block, 1);
    if (st == CLR_OK)
        st = clr_h5_rows_end(rows);
    else
        clr_h5_rows_drop(rows);
    if (st == CLR_OK)
        st = clr_h5_commit(file);
    else
        clr_h5_discard(file);
    clr_free(block);
    return st;
}

/* Some sizes that are too small: one clear sentence, the old file stays, nothing is left open, and the next file is
   written. */
START_TEST(a_full_disk_harms_nothing)
{
    struct rlimit most = {0, RLIM_INFINITY};
    int before, error;

    signal(SIGXFSZ, SIG_IGN);
    OK(clr_h5_commit(begin(path, 1, 100)));
    before = open_files();
    for (rlim_t capacity = 0; capacity < 1400000; capacity = capacity < 8192 ? capacity + 509 : capacity * 2) {
        most.rlim_cur = capacity; /* for Check's own file too: nothing is asserted meanwhile */
        error = setrlimit(RLIMIT_FSIZE, &most);
        clr_status st = attempt(path);
        most.rlim_cur = RLIM_INFINITY;
        error |= setrlimit(RLIMIT_FSIZE, &most);
        ck_assert_int_eq(error, 0);
        says(st, CLR_EIO, "File too large");
        ck_assert(strstr(clr_message(), path) != NULL);
        ck_assert_int_eq(open_files(), before);
        ck_assert_int_eq(entries_of(top), 1);
        ck_assert(intact(path, 1, 100));
    }
    OK(attempt(path));
    OK(clr_h5_commit(begin(path, 3, 100)));
    ck_assert(intact(path, 3, 100));
}
END_TEST

/* The same with a file system that is really full, where this system lets us make one. */
START_TEST(a_full_file_system_is_named)
{
    char inside[80];

    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", top, "tmpfs", 0, "size=512k"))
        return;
    snprintf(inside, sizeof inside, "%s/y.h5", top);
    OK(clr_h5_commit(begin(inside, 1, 100)));
    for (int i = 0; i < 4; i++) {
        says(attempt(inside), CLR_EIO, "No space left on device");
        ck_assert_int_eq(entries_of(top), 1);
        ck_assert(intact(inside, 1, 100));
    }
    OK(clr_h5_commit(begin(inside, 2, 100)));
    ck_assert(intact(inside, 2, 100));
    ck_assert_int_eq(umount(top), 0);
}
END_TEST

/* A checksum says the same whether data came at once or in rows of any number of bytes. */
START_TEST(rows_and_wholes_have_one_checksum)
{
    uint8_t data[1001];
    uint64_t sums[2];
    clr_h5_rows *rows;
    clr_h5 *file;

    for (int i = 0; i < 1001; i++)
        data[i] = (uint8_t)(i * i);
    OK(clr_h5_create(path, &file));
    OK(clr_h5_write(file, "/whole", CLR_H5_U8, 1, (int64_t[]){1001}, data));
    OK(clr_h5_rows_begin(file, "/rows", CLR_H5_U8, 2, (int64_t[]){143, 7}, &rows));
    for (int at = 0, n = 1; at < 143; at += n, n = n % 11 + 1)
        OK(clr_h5_rows_append(rows, data + 7 * at, at + n < 143 ? n : 143 - at));
    OK(clr_h5_rows_end(rows));
    OK(clr_h5_commit(file));
    OK(clr_h5_open(path, &file));
    OK(clr_h5_checksum(file, "/whole", &sums[0]));
    OK(clr_h5_checksum(file, "/rows", &sums[1]));
    clr_h5_close(file);
    ck_assert_uint_eq(sums[0], sums[1]);
    ck_assert_uint_eq(sums[0], clr_hash(CLR_HASH_START, data, 1001));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("h5");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, everything_comes_back);
    tcase_add_test(tcase, equal_contents_are_equal_bytes);
    tcase_add_test(tcase, a_discarded_file_leaves_the_old_one);
    tcase_add_test(tcase, what_is_missing_is_named);
    tcase_add_test(tcase, damage_is_found_or_harmless);
    tcase_add_test(tcase, a_damaged_large_group_is_survived);
    tcase_add_test(tcase, damaged_data_is_named);
    tcase_add_test(tcase, a_full_disk_harms_nothing);
    tcase_add_test(tcase, a_full_file_system_is_named);
    tcase_add_test(tcase, rows_and_wholes_have_one_checksum);
    return clr_test_run("h5", tcase, CK_FORK_GETENV);
}
