/* SPDX-License-Identifier: BSD-3-Clause */
/* The lock of a run directory: who is kept out, and whose lock is in nobody's way. */
#include "lock.h"

#include "clr/comm.h"
#include "clr/mem.h"
#include "clr/test.h"
#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char top[CLR_TEST_FOLDER], path[64];

/* What link does in place of its work: nothing with errno, or the work and an answer that is lost. */
static int link_error;
static bool link_works;

int link(const char *from, const char *to)
{
    if (link_error && !link_works) {
        errno = link_error;
        return -1;
    }
    long result = syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (!result && link_error) {
        errno = link_error;
        return -1;
    }
    return (int)result;
}

static void setup(void)
{
    clr_test_folder_begin(top);
    snprintf(path, sizeof path, "%s/lock", top);
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_RESTART_COUNT");
    link_error = 0;
    link_works = false;
}

static void teardown(void)
{
    clr_test_folder_end(top);
}

static int files_there(void)
{
    DIR *folder = opendir(top);
    int n = 0;

    for (struct dirent *entry; (entry = readdir(folder));)
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

/* Another process takes the lock: whether it gets it. It leaves it, and ends. */
static bool another_gets_it(void)
{
    int status;
    pid_t child = fork();

    if (!child) {
        clr_lock *lock;
        _exit(clr_lock_take(top, &lock) == CLR_OK                                ? 0
              : strstr(clr_message(), "another job works in this run directory") ? 1
                                                                                 : 2);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 0;
}

/* The text of a lock that this process holds, with one word (from 0) in place of another. */
static void write_lock(int word, const char *instead)
{
    char words[8][128];
    clr_lock *lock;

    ck_assert_int_eq(clr_lock_take(top, &lock), CLR_OK);
    FILE *file = fopen(path, "r");
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(fscanf(file, "%127s", words[i]), 1);
    fclose(file);
    clr_lock_drop(lock);
    file = fopen(path, "w");
    for (int i = 0; i < 8; i++)
        fprintf(file, "%s%c", i == word ? instead : words[i], i < 7 ? ' ' : '\n');
    ck_assert_int_eq(fclose(file), 0);
}

/* Dates the lock so many seconds from now. */
static void date(int seconds)
{
    struct timespec times[2];

    times[0] = times[1] = (struct timespec){.tv_sec = time(NULL) + seconds};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(one_at_a_time)
{
    static const char *const jobs[] = {NULL, "", "77"}; /* a cluster may set it to nothing */
    clr_lock *lock;

    if (jobs[_i])
        setenv("SLURM_JOB_ID", jobs[_i], 1);
    ck_assert_int_eq(clr_lock_take(top, &lock), CLR_OK);
    ck_assert(!another_gets_it());
    ck_assert_int_eq(clr_lock_check(lock), CLR_OK);
    clr_lock_drop(lock);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert(another_gets_it());
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert(another_gets_it()); /* its holder is gone */
}
END_TEST

/* How a holder's touch may look from another host: by a clock that is right, behind, ahead; with the date of before. */
static const int touched_at[] = {0, -86400, 86400};

static pid_t begin_touching(int how)
{
    pid_t toucher = fork();

    while (!toucher) {
        struct stat state;
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) + (how < 3 ? touched_at[how] : 0)}};
        if (how == 3 && !stat(path, &state))
            times[1] = state.st_mtim;
        utimensat(AT_FDCWD, path, times, 0);
        usleep(50000);
    }
    return toucher;
}

/* This very process, but its number means nothing: of another boot or process namespace, of another host. Whatever
   the dates say, who touches the lock is alive. */
START_TEST(who_touches_the_lock_counts_as_alive)
{
    int status;

    write_lock(_i & 1 ? 0 : 6, _i & 1 ? "elsewhere" : "another-boot:1");
    date(touched_at[_i / 2 < 3 ? _i / 2 : 0]);
    pid_t toucher = begin_touching(_i / 2);
    bool got = another_gets_it();
    kill(toucher, SIGKILL);
    ck_assert_int_eq(waitpid(toucher, &status, 0), toucher);
    ck_assert(!got);
}
END_TEST

/* Neither a date of long ago nor one ahead makes the waiting shorter or longer: a silence of the lock ends it. */
START_TEST(who_is_silent_counts_as_dead)
{
    static const int dates[] = {0, -90, -86400, 600, 86400};

    clr_lock_silence = 0.5;
    write_lock(_i & 1 ? 0 : 6, _i & 1 ? "elsewhere" : "another-boot:1");
    date(dates[_i / 2]);
    double begin = clr_seconds();
    ck_assert(another_gets_it());
    ck_assert(clr_seconds() - begin >= 0.5);
}
END_TEST

START_TEST(a_lock_that_names_nobody_is_taken)
{
    FILE *file = fopen(path, "w");

    clr_lock_silence = 0.2;
    fputs(_i ? "a note of somebody's\n" : "", file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert(another_gets_it());
}
END_TEST

START_TEST(a_signal_ends_the_waiting)
{
    int status;

    write_lock(0, "elsewhere");
    pid_t child = fork();
    if (!child) {
        clr_lock *lock;
        clr_watch_signals(false);
        pid_t sender = fork();
        if (!sender) {
            usleep(300000); /* while the other waits, or before: either way it stops */
            kill(getppid(), SIGTERM);
            _exit(0);
        }
        _exit(clr_lock_take(top, &lock) == CLR_STOPPED && !lock ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(files_there(), 1); /* the lock, as it was */
}
END_TEST

/* Where there are no hard links, and where a link is made and the answer is an error. */
START_TEST(a_lock_without_hard_links)
{
    static const int errors[] = {EPERM, ENOSYS, EOPNOTSUPP, EMLINK, EXDEV, EIO, EEXIST};
    clr_lock *lock;

    link_error = errors[_i / 2];
    link_works = _i & 1;
    if (link_error == EEXIST && !link_works)
        return; /* that answer is a promise */
    ck_assert_msg(clr_lock_take(top, &lock) == CLR_OK, "%s", clr_message());
    ck_assert_int_eq(files_there(), 1);
    ck_assert(!another_gets_it());
    ck_assert_int_eq(clr_lock_check(lock), CLR_OK);
    clr_lock_drop(lock);
    ck_assert_int_eq(files_there(), 0);
    ck_assert(another_gets_it());
    ck_assert(another_gets_it()); /* its holder is gone */
}
END_TEST

START_TEST(what_killed_jobs_left_is_removed)
{
    static const char *const names[] = {"lock.tmp-elsewhere-0123456789abcdef-1", "lock.tmp-elsewhere-12",
                                        "lock.node7.example.org.4711.99", "lock.node7.4711.99.stale"};
    static const char *const others[] = {"lock.txt", "lock.mine.1", "locks.1.2"};
    clr_lock *lock;

    for (size_t i = 0; i < sizeof names / sizeof *names + sizeof others / sizeof *others; i++) {
        char *file = clr_text("%s/%s", top, i < 4 ? names[i] : others[i - 4]);
        ck_assert_int_eq(close(open(file, O_WRONLY | O_CREAT, 0666)), 0);
        clr_free(file);
    }
    ck_assert_int_eq(clr_lock_take(top, &lock), CLR_OK);
    ck_assert_int_eq(files_there(), 1 + 3);
    clr_lock_drop(lock);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    static const char *const parts[] = {"a pipe", "a folder", "a link", "a link", "a socket"};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int ear = socket(AF_UNIX, SOCK_STREAM, 0);
    clr_lock *lock;

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    ck_assert_int_eq(_i == 0   ? mkfifo(path, 0666)
                     : _i == 1 ? mkdir(path, 0777)
                     : _i < 4  ? symlink(_i == 2 ? "/etc/passwd" : "gone", path)
                               : bind(ear, (struct sockaddr *)&address, sizeof address),
                     0);
    ck_assert_int_eq(clr_lock_take(top, &lock), CLR_EBUSY);
    ck_assert_msg(strstr(clr_message(), parts[_i]) != NULL, "%s", clr_message());
    ck_assert_int_eq(files_there(), 1);
    close(ear);
}
END_TEST

START_TEST(who_lost_the_lock_is_told)
{
    clr_lock *lock;

    ck_assert_int_eq(clr_lock_take(top, &lock), CLR_OK);
    FILE *file = fopen(path, "w");
    fputs("elsewhere 1 1 - 0 0\n", file); /* as an earlier version wrote it */
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(clr_lock_check(lock), CLR_EBUSY);
    ck_assert_ptr_nonnull(strstr(clr_message(), "process 1 on elsewhere"));
    clr_lock_drop(lock);
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("lock");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, one_at_a_time, 0, 3);
    tcase_add_loop_test(tcase, who_touches_the_lock_counts_as_alive, 0, 8);
    tcase_add_loop_test(tcase, who_is_silent_counts_as_dead, 0, 10);
    tcase_add_loop_test(tcase, a_lock_that_names_nobody_is_taken, 0, 2);
    tcase_add_test(tcase, a_signal_ends_the_waiting);
    tcase_add_loop_test(tcase, a_lock_without_hard_links, 0, 14);
    tcase_add_test(tcase, what_killed_jobs_left_is_removed);
    tcase_add_loop_test(tcase, what_is_no_file_is_refused, 0, 5);
    tcase_add_test(tcase, who_lost_the_lock_is_told);
    return clr_test_run("lock", tcase, CK_FORK_GETENV);
}
