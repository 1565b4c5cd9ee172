/* SPDX-License-Identifier: BSD-3-Clause */
/* What the file system refuses while a source is read: every call of the readers, one after another, fails once (and
   the same examples are read as without it) or from then on (and the source ends with CLR_EIO, or is the same). Never
   is an example bad for it, never is one lost. The calls of the C library are replaced by those below. */
#include "clr/mem.h"
#include "clr/read.h"
#include "clr/test.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

/* Call number at and, if on, those behind it fail with error; shorter: only reads fail, as if the file ended there.
   name: only calls for paths that end with it (those with a descriptor never). */
static struct {
    bool armed, on, shorter, parts;
    long at, calls;
    int error;
    const char *name;
} fault;

static bool fails(const char *path, bool reads)
{
    if (!fault.armed || (fault.shorter && !reads))
        return false;
    if (fault.name) {
        size_t n = path ? strlen(path) : 0, m = strlen(fault.name);
        if (n < m || strcmp(path + n - m, fault.name))
            return false;
    }
    long call = fault.calls++;
    if (call != fault.at && !(fault.on && call > fault.at))
        return false;
    errno = fault.error;
    return true;
}

static bool interrupted(void)
{
    static int calls;

    if (!fault.parts || ++calls % 2)
        return false;
    errno = EINTR;
    return true;
}

int open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(path, false) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t read(int fd, void *into, size_t bytes)
{
    if (fails(NULL, true))
        return fault.shorter ? 0 : -1;
    return interrupted() ? -1 : syscall(SYS_read, fd, into, fault.parts && bytes > 7 ? 7 : bytes);
}

ssize_t pread(int fd, void *into, size_t bytes, off_t offset)
{
    if (fails(NULL, true))
        return fault.shorter ? 0 : -1;
    return interrupted() ? -1 : syscall(SYS_pread64, fd, into, fault.parts && bytes > 700 ? 700 : bytes, offset);
}

int stat(const char *restrict path, struct stat *restrict attributes)
{
    return fails(path, false) ? -1 : fstatat(AT_FDCWD, path, attributes, 0);
}

int lstat(const char *restrict path, struct stat *restrict attributes)
{
    return fails(path, false) ? -1 : fstatat(AT_FDCWD, path, attributes, AT_SYMLINK_NOFOLLOW);
}

int fstat(int fd, struct stat *attributes)
{
    return fails(NULL, false) ? -1 : fstatat(fd, "", attributes, AT_EMPTY_PATH);
}

DIR *opendir(const char *path)
{
    DIR *(*real)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");

    return fails(path, false) ? NULL : real(path);
}

struct dirent *readdir(DIR *dir)
{
    struct dirent *(*real)(DIR *) = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");

    return fails(NULL, false) ? NULL : real(dir);
}

int nanosleep(const struct timespec *pause, struct timespec *left)
{
    (void)pause, (void)left; /* nobody waits here */
    return 0;
}

static char top[CLR_TEST_FOLDER];

static const char *at(const char *name)
{
    static char path[300];

    snprintf(path, sizeof path, "%s/%s", top, name);
    return path;
}

static void setup(void)
{
    clr_test_folder_begin(top);
}

static void teardown(void)
{
    memset(&fault, 0, sizeof fault);
    clr_test_folder_end(top);
}

static void put(const char *name, const void *data, size_t bytes)
{
    FILE *file = fopen(at(name), "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
}

static void put_image(const char *name, uint8_t gray)
{
    ck_assert_int_eq(clr_image_write_png(at(name), &(clr_image){1, 1, 1, &gray}), CLR_OK);
}

static void make_tree(void)
{
    mkdir(at("train"), 0777), mkdir(at("train/a"), 0777), mkdir(at("train/b"), 0777), mkdir(at("val"), 0777);
    put_image("train/a/1.png", 1), put_image("train/a/2.png", 2), put_image("train/b/3.png", 3);
    put("train/b/bad.png", "no picture", 10);
    put("val/note.txt", "", 0);
    ck_assert_int_eq(symlink("../../val", at("train/b/out")), 0);
}

static void make_idx(void)
{
    static const uint8_t images[16 + 3 * 4] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2,  0,  0,
                                               0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const uint8_t labels[8 + 3] = {0, 0, 8, 1, 0, 0, 0, 3, 2, 1, 0};
    gzFile file = gzopen(at("t10k-images-idx3-ubyte.gz"), "wb");

    gzwrite(file, images, sizeof images);
    gzclose(file);
    put("train-images-idx3-ubyte", images, sizeof images);
    put("t10k-labels.idx1-ubyte", labels, sizeof labels);
    put("train-labels-idx1-ubyte", labels, sizeof labels);
}

static void make_cifar(void)
{
    static uint8_t rows[2 * 3073];

    rows[0] = 3, rows[3073] = 11; /* a bad label */
    put("test_batch.bin", rows, sizeof rows);
    put("batches.meta.txt", "zero\none\n", 9);
}

static void make_stl10(void)
{
    static uint8_t rows[2 * 27648] = {1, 2, 3};

    put("test_X.bin", rows, sizeof rows);
    put("test_y.bin", "\1\12", 2);
}

/* Everything that a source says, as one text; the status of what ended it. */
static clr_status read_all(const char *split, char text[4000])
{
    clr_source s;
    size_t n = 0;
    clr_status st = clr_read_open(top, split, &s);

    *text = 0;
    if (st != CLR_OK)
        return st;
    for (int i = 0; i < s.class_count; i++)
        n += (size_t)snprintf(text + n, 4000 - n, "%s ", s.classes[i]);
    for (int64_t i = 0; i < s.examples && (st == CLR_OK || st == CLR_EINPUT); i++) {
        clr_example e;
        st = s.reader->read(&s, i, &e);
        n += (size_t)snprintf(text + n, 4000 - n, "%s %d %d %dx%d", e.name, e.label, (int)st, e.image.height,
                              e.image.width);
        for (int k = 0; k < 4 && e.image.pixels && k < e.image.height * e.image.width; k++)
            n += (size_t)snprintf(text + n, 4000 - n, " %d", e.image.pixels[k]);
        n += (size_t)snprintf(text + n, 4000 - n, "\n");
        clr_image_free(&e.image);
        clr_free(e.encoded);
        clr_free(e.name);
    }
    clr_read_close(&s);
    return st == CLR_EINPUT ? CLR_OK : st; /* of its last example */
}

static const struct {
    void (*make)(void);
    const char *split;
} sources[] = {{make_tree, "train"}, {make_tree, "Training"}, {make_idx, "train"},
               {make_idx, "test"},   {make_cifar, "test"},    {make_stl10, "test"}};

static const int errors[] = {EIO, ESTALE, EMFILE, ENFILE, ENOMEM, ETIMEDOUT, ENOTCONN, EHOSTDOWN, EACCES, ELOOP};
enum { ERRORS = sizeof errors / sizeof *errors, PASSING = 8 /* the first ones: another attempt may do better */ };

START_TEST(every_call_fails_once_or_for_good)
{
    char good[4000], text[4000];
    long calls = 0;

    sources[_i].make();
    fault.armed = true, fault.at = -1, fault.calls = 0;
    ck_assert_msg(read_all(sources[_i].split, good) == CLR_OK, "%s", clr_message());
    ck_assert_int_gt(fault.calls, 5);
    calls = fault.calls;
    for (int k = 0; k < ERRORS; k++)
        for (long n = 0; n < 2 * calls; n++) {
            fault.at = n / 2, fault.on = n % 2, fault.calls = 0, fault.error = errors[k];
            fault.armed = true;
            clr_status st = read_all(sources[_i].split, text);
            fault.armed = false;
            bool same = st == CLR_OK && !strcmp(text, good),
                 named = st == CLR_EIO && strstr(clr_message(), strerror(errors[k]));
            ck_assert_msg(same || (named && (fault.on || k >= PASSING)), "%s, call %ld%s: status %d, '%s'\n%s",
                          strerror(errors[k]), n / 2, fault.on ? " and on" : "", (int)st,
                          st == CLR_OK ? "" : clr_message(), text);
            if (st == CLR_EIO)
                ck_assert_msg(strstr(clr_message(), top) != NULL, "'%s' names no file", clr_message());
        }
}
END_TEST

/* Every second read is interrupted, and no read gives more than a few bytes. */
START_TEST(reads_in_parts_give_the_same)
{
    char good[4000], text[4000];

    sources[_i].make();
    ck_assert_int_eq(read_all(sources[_i].split, good), CLR_OK);
    fault.parts = true, fault.error = EINTR;
    ck_assert_msg(read_all(sources[_i].split, text) == CLR_OK, "%s", clr_message());
    ck_assert_str_eq(text, good);
}
END_TEST

START_TEST(a_file_that_ends_early_has_changed)
{
    char good[4000], text[4000];
    int found = 0;

    sources[_i].make();
    fault.armed = true, fault.shorter = true, fault.at = -1, fault.calls = 0;
    ck_assert_int_eq(read_all(sources[_i].split, good), CLR_OK);
    for (long n = 0, calls = fault.calls; n < calls; n++) {
        fault.at = n, fault.calls = 0, fault.on = true;
        clr_status st = read_all(sources[_i].split, text);
        found += st == CLR_EIO && (strstr(clr_message(), "has changed") || strstr(clr_message(), "has become shorter"));
        ck_assert_msg(st == CLR_EIO || !strcmp(text, good) || sources[_i].make == make_idx, "call %ld: %d %s", n,
                      (int)st, text);
    }
    ck_assert_int_gt(found, 0);
}
END_TEST

/* One image of several, by every error: the reader names it and the reason, and does not call it a bad image. */
START_TEST(an_image_that_cannot_be_opened_is_no_bad_image)
{
    char text[4000];

    make_tree();
    fault.name = "2.png", fault.on = true;
    for (int k = 0; k < ERRORS; k++)
        for (int walked = 0; walked < 2; walked++) { /* as it is listed, and as it is read */
            fault.at = walked, fault.calls = 0, fault.error = errors[k], fault.armed = true;
            ck_assert_int_eq(read_all("train", text), CLR_EIO);
            ck_assert_msg(strstr(clr_message(), strerror(errors[k])) && strstr(clr_message(), "train/a/2.png"), "%s",
                          clr_message());
            fault.armed = false;
        }
    fault.name = NULL;
    clr_source s;
    clr_example e;
    ck_assert_int_eq(clr_read_open(at("train"), NULL, &s), CLR_OK);
    unlink(at("train/a/1.png"));
    ck_assert_int_eq(s.reader->read(&s, 0, &e), CLR_EIO); /* it was there */
    clr_free(e.name);
    put_image("train/a/1.png", 9);
    ck_assert_int_eq(chmod(at("train/a/1.png"), 0), 0);
    if (geteuid() != 0) {
        ck_assert_int_eq(s.reader->read(&s, 0, &e), CLR_EIO);
        clr_free(e.name);
    }
    clr_read_close(&s);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("faults");

    tcase_set_timeout(tcase, 300); /* for sanitizers on a busy machine */
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, every_call_fails_once_or_for_good, 0, sizeof sources / sizeof *sources);
    tcase_add_loop_test(tcase, reads_in_parts_give_the_same, 0, sizeof sources / sizeof *sources);
    tcase_add_loop_test(tcase, a_file_that_ends_early_has_changed, 0, sizeof sources / sizeof *sources);
    tcase_add_test(tcase, an_image_that_cannot_be_opened_is_no_bad_image);
    return clr_test_run("faults", tcase, CK_FORK_GETENV);
}
