/* SPDX-License-Identifier: BSD-3-Clause */
/* What the system refuses while a checkpoint or a dataset is read: told with its reason, tried again, and never
   taken for damage. The calls of the system are this program's own, which refuse when they are told to; waiting takes
   no time. */
#include "fixture.h"

#include "clr/ckpt.h"
#include "clr/h5.h"
#include "clr/mem.h"
#include "clr/store.h"
#include "clr/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The call number `when` of this kind is refused, and those after it where forever. */
static struct refusal {
    int when, error;
    bool forever;
} of_open = {.when = -1}, of_read = {.when = -1};
static int pauses;

static bool refuses(struct refusal *r)
{
    if (r->when < 0)
        return false;
    bool now = r->when == 0;
    r->when -= r->when > 0 || !r->forever;
    errno = now ? r->error : errno;
    return now;
}

int open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = va_arg(args, mode_t);
    va_end(args);
    return strstr(path, ".h5") && !(flags & O_CREAT) && refuses(&of_open)
               ? -1
               : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t pread(int file, void *data, size_t bytes, off_t at)
{
    return refuses(&of_read) ? -1 : (ssize_t)syscall(SYS_pread64, file, data, bytes, at);
}

ssize_t preadv(int file, const struct iovec *piece, int n, off_t at)
{
    return refuses(&of_read) ? -1 : (ssize_t)syscall(SYS_preadv, file, piece, n, at, 0);
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    (void)left;
    ck_assert(wanted->tv_sec < 10 && (wanted->tv_sec > 0 || wanted->tv_nsec > 0));
    pauses++;
    return 0;
}

static char top[CLR_TEST_FOLDER], older[64], newer[64], data[64];
static clr_params params;

static void write_checkpoint(const char *to, int64_t step)
{
    clr_ckpt_meta meta = {step, 0.5, 1, "arch = resnet18\n", "9.9"};

    ck_assert_msg(fixture_write(to, &meta, &params, NULL) == CLR_OK, "%s", clr_message());
}

static void write_data(void)
{
    uint8_t pixels[48] = {1};
    clr_image image = {4, 4, 3, pixels};
    clr_store_layout form = {0};
    clr_store_writer *writer = NULL;

    ck_assert_int_eq(clr_store_create(data, &form, &writer), CLR_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(clr_store_append(writer, &image, NULL, 0, -1, "name"), CLR_OK);
    ck_assert_int_eq(clr_store_commit(writer), CLR_OK);
}

static void setup(void)
{
    clr_entry entry = {
        .name = "encoder/conv1.weight", .role = CLR_ROLE_CONV, .r = 3, .s = 3, .c = 3, .k = 8, .initial = 0.5};

    clr_test_folder_begin(top);
    snprintf(older, sizeof older, "%s/step-00000004.h5", top);
    snprintf(newer, sizeof newer, "%s/step-00000008.h5", top);
    snprintf(data, sizeof data, "%s/data.h5", top);
    params = (clr_params){0};
    clr_table_add(&params.weights, &entry);
    clr_params_open(&params);
    clr_params_init(&params, 1);
    write_checkpoint(older, 4);
    write_checkpoint(newer, 8);
    write_data();
}

static void teardown(void)
{
    of_open = of_read = (struct refusal){.when = -1};
    clr_params_close(&params);
    clr_test_folder_end(top);
}

/* What is read, and which file it is of. */

static clr_status newest(const char **of)
{
    char *path = NULL;

    *of = newer;
    clr_status st = clr_ckpt_newest(top, &path);
    if (st == CLR_OK && (!path || strcmp(path, newer)))
        ck_abort_msg("%s was taken, not the newest", path ? path : "none");
    clr_free(path);
    return st;
}

static clr_status meta(const char **of)
{
    clr_ckpt_meta f;
    clr_status st = clr_ckpt_read_meta(newer, &f);

    *of = newer;
    if (st == CLR_OK)
        ck_assert_int_eq(f.step, 8);
    clr_ckpt_meta_free(&f);
    return st;
}

static clr_status weights(const char **of)
{
    *of = newer;
    return fixture_read(newer, &params, NULL);
}

/* Opening tries again by itself; images are for the caller to ask for again. */
static clr_status store(const char **of)
{
    clr_store *s = NULL;
    char *name = NULL;
    clr_status st = clr_store_open(data, &s);

    *of = data;
    if (st == CLR_OK)
        st = clr_store_name(s, 2, &name);
    if (st == CLR_OK)
        ck_assert_str_eq(name, "name");
    clr_free(name);
    clr_store_close(s);
    return st;
}

static clr_status (*const readers[])(const char **) = {newest, meta, weights, store};
enum { READERS = sizeof readers / sizeof *readers };

static const int errors[] = {EIO, EACCES, ESTALE, EMFILE, ENFILE, ENOMEM, ETIMEDOUT, EINVAL, ENXIO};
enum { ERRORS = sizeof errors / sizeof *errors };

static int open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

/* Every call in its turn: refused once, it is made good by another try; refused from then on, it is told. */
static void refuse_each(clr_status (*read)(const char **), struct refusal *call)
{
    const char *of;
    int before = open_files();

    for (int n = 0; n < 10000; n++) {
        int error = errors[n % ERRORS];
        pauses = 0;
        *call = (struct refusal){n, error, false};
        clr_status st = read(&of);
        if (call->when >= 0) { /* there are not so many calls */
            ck_assert_int_eq(st, CLR_OK);
            ck_assert_int_gt(n, 0);
            *call = (struct refusal){.when = -1};
            return;
        }
        if (st != CLR_OK || pauses != 1)
            ck_abort_msg("call %d refused once (%s): %d pauses, status %d: %s", n, strerror(error), pauses, (int)st,
                         clr_message());
        pauses = 0;
        *call = (struct refusal){n, error, true};
        st = read(&of);
        if (st != CLR_EIO || !strstr(clr_message(), strerror(error)) || !strstr(clr_message(), of) || pauses < 2 ||
            pauses > 5)
            ck_abort_msg("call %d refused for good (%s): %d pauses, status %d: %s", n, strerror(error), pauses, (int)st,
                         clr_message());
        *call = (struct refusal){.when = -1};
        ck_assert_int_eq(open_files(), before);
    }
    ck_abort_msg("no end of calls");
}

START_TEST(a_refusal_is_no_damage)
{
    refuse_each(readers[_i], &of_open);
    refuse_each(readers[_i], &of_read);
    ck_assert_int_eq(access(older, F_OK) | access(newer, F_OK) | access(data, F_OK), 0);
}
END_TEST

START_TEST(images_can_be_asked_for_again)
{
    clr_store *s = NULL;
    int64_t ids[2] = {0, 2};
    clr_image image[2];

    ck_assert_int_eq(clr_store_open(data, &s), CLR_OK);
    void *buffer = clr_alloc((size_t)clr_store_bytes(s, ids, 2), 1);
    for (int i = 0; i < ERRORS; i++) {
        of_read = (struct refusal){i % 2, errors[i], false};
        ck_assert_int_eq(clr_store_read(s, ids, 2, 3, buffer, image), CLR_EIO);
        ck_assert_ptr_nonnull(strstr(clr_message(), strerror(errors[i])));
        ck_assert_int_eq(clr_store_read(s, ids, 2, 3, buffer, image), CLR_OK);
        ck_assert_int_eq(image[1].pixels[0], 1);
    }
    ck_assert_int_eq(truncate(data, 100), 0); /* it was whole when it was opened: no damage that was seen */
    ck_assert_int_eq(clr_store_read(s, ids, 2, 3, buffer, image), CLR_EIO);
    ck_assert_ptr_nonnull(strstr(clr_message(), "shorter than when it was opened"));
    clr_free(buffer);
    clr_store_close(s);
}
END_TEST

START_TEST(what_is_not_there_is_not_waited_for)
{
    clr_store *s;
    clr_ckpt_meta f;
    char *path = NULL;

    ck_assert_int_eq(clr_store_open("no-such.h5", &s), CLR_EIO);
    ck_assert_int_eq(clr_ckpt_read_meta("no-such.h5", &f), CLR_EIO);
    ck_assert_ptr_nonnull(strstr(clr_message(), strerror(ENOENT)));
    ck_assert_int_eq(clr_ckpt_read_meta("no-such-folder/x.h5", &f), CLR_EIO);
    ck_assert_int_eq(pauses, 0);
    ck_assert_int_eq(symlink("/no/such/server", "a-link") | rename("a-link", newer),
                     0); /* its server is away: nothing is known of it */
    ck_assert_int_eq(clr_ckpt_newest(top, &path), CLR_EIO);
    ck_assert_ptr_nonnull(strstr(clr_message(), newer));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("reading");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_refusal_is_no_damage, 0, READERS);
    tcase_add_test(tcase, images_can_be_asked_for_again);
    tcase_add_test(tcase, what_is_not_there_is_not_waited_for);
    return clr_test_run("reading", tcase, CK_FORK_GETENV);
}
