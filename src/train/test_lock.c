/* The lock of a run directory: who is kept out, and whose lock is in nobody's way. */
#include "lock.h"

#include "clr/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char top[CLR_TEST_FOLDER], path[64];

static void setup(void)
{
    clr_test_folder_begin(top);
    snprintf(path, sizeof path, "%s/lock", top);
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_RESTART_COUNT");
}

static void teardown(void)
{
    clr_test_folder_end(top);
}

/* Another process takes the lock: whether it gets it. It leaves it, and ends. */
static bool another_gets_it(void)
{
    int status;
    pid_t child = fork();

    if (!child) {
        clr_lock *lock;
        _exit(clr_lock_take(top, &lock) == CLR_OK ? 0 : strstr(clr_message(), "another job works in this run directory") ? 1 : 2);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 0;
}

/* The text of a lock that this process holds, with one word (from 0) in place of another. */
static void write_lock(int word, const char *instead)
{
    char words[7][128];
    clr_lock *lock;

    ck_assert_int_eq(clr_lock_take(top, &lock), CLR_OK);
    FILE *file = fopen(path, "r");
    for (int i = 0; i < 7; i++)
        ck_assert_int_eq(fscanf(file, "%127s", words[i]), 1);
    fclose(file);
    clr_lock_drop(lock);
    file = fopen(path, "w");
    for (int i = 0; i < 7; i++)
        fprintf(file, "%s%c", i == word ? instead : words[i], i < 6 ? ' ' : '\n');
    ck_assert_int_eq(fclose(file), 0);
}

static void date_back(int seconds)
{
    struct stat state;
    struct timespec times[2];

    ck_assert_int_eq(stat(path, &state), 0);
    times[0] = times[1] = (struct timespec){.tv_sec = state.st_mtime - seconds};
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

/* This very process, but its number means nothing: of another boot or process namespace, of another host. */
START_TEST(who_cannot_be_seen_counts_as_alive_for_a_minute)
{
    int status;

    write_lock(_i ? 0 : 6, _i ? "elsewhere" : "another-boot:1");
    pid_t toucher = fork();
    if (!toucher) {
        for (int i = 0; i < 100; i++) {
            utimensat(AT_FDCWD, path, NULL, 0);
            usleep(100000);
        }
        _exit(0);
    }
    ck_assert(!another_gets_it());
    kill(toucher, SIGKILL);
    ck_assert_int_eq(waitpid(toucher, &status, 0), toucher);
    date_back(90);
    ck_assert(another_gets_it());
}
END_TEST

START_TEST(a_lock_that_names_nobody_is_taken)
{
    FILE *file = fopen(path, "w");

    ck_assert_int_eq(fclose(file), 0);
    ck_assert(another_gets_it());
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
    tcase_add_loop_test(tcase, who_cannot_be_seen_counts_as_alive_for_a_minute, 0, 2);
    tcase_add_test(tcase, a_lock_that_names_nobody_is_taken);
    tcase_add_test(tcase, who_lost_the_lock_is_told);
    return clr_test_run("lock", tcase, CK_FORK_GETENV);
}
