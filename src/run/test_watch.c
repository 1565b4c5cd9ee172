/* SPDX-License-Identifier: BSD-3-Clause */
/* What ends a run from outside: time limits, signals, and silence that is one. Each watchdog is a process of its
   own. */
#include "clr/watchdog.h"
#include "watch.h"

#include "clr/comm.h"
#include "clr/log.h"
#include "clr/test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

START_TEST(time_limits)
{
    static const struct {
        const char *text;
        double seconds; /* -1: refused */
    } rows[] = {{"90", 90},
                {"2:30", 150},
                {"01:00:00", 3600},
                {"1-0:00:00", 86400},
                {"1-12", 129600},
                {"1-12:30", 131400},
                {"2-1:02:03", 176523},
                {"0-0:00:05", 5},
                {"0", -1},
                {"-5", -1},
                {"1-", -1},
                {"-", -1},
                {"1:2:3:4", -1},
                {"soon", -1},
                {"1h", -1},
                {"1:-2", -1},
                {"1-2-3", -1},
                {"1:60", -1},
                {"1:59", 119},
                {"90:00", 5400},
                {"1:60:00", -1},
                {"1:00:60", -1},
                {"1-24", -1},
                {"1-23:59:59", 172799},
                {"1-1:60", -1},
                {"36:00:00", 129600},
                {"0:00", -1},
                {"0-0", -1},
                {"1.5", 1.5},
                {"1.5:00", -1},
                {"1:2.5", 62.5},
                {"1-1.5", -1},
                {"inf", -1},
                {"nan", -1},
                {"0x10", -1},
                {"1e3", -1},
                {"+5", -1},
                {" 5", -1},
                {"5 ", -1},
                {"1::2", -1},
                {":30", -1},
                {"30:", -1},
                {"1.", -1},
                {".5", -1},
                {"-1:00", -1}};

    unsetenv("SLURM_JOB_END_TIME");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double now = (double)time(NULL), got = clr_watch_seconds(rows[i].text);
        ck_assert_msg(got == rows[i].seconds, "'%s': %g", rows[i].text, got);
        if (got <= 0)
            continue;
        double end = clr_watch_deadline(got);
        ck_assert_msg(end >= now + got && end <= now + got + 2, "'%s': %g seconds", rows[i].text, end - now);
    }
    setenv("SLURM_JOB_END_TIME", "4000000000", 1);
    ck_assert(clr_watch_deadline(0) == 4e9);
    static const char *const left[] = {"12345", "0",           "",           "soon",
                                       "nan",   "-4000000000", "4000000000 "}; /* by another job, or by nobody */
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        setenv("SLURM_JOB_END_TIME", left[i], 1);
        ck_assert_msg(clr_watch_deadline(0) == 0, "SLURM_JOB_END_TIME=%s", left[i]);
    }
}
END_TEST

/* A process under a watchdog of 2 seconds that does nothing, or says that it is alive, for so many seconds;
   suspended for 9 of them in between, or not. Its exit status, or the signal that ended it, negative. */
static int watched(double seconds, bool speaks, bool suspended)
{
    int status;
    pid_t child = fork();

    if (!child) {
        double begin = clr_seconds();
        clr_watchdog_start(2, 0, "here");
        clr_watch_phase("a test", 1);
        while (clr_seconds() - begin < seconds) {
            usleep(50000);
            if (speaks)
                clr_alive();
        }
        clr_watchdog_end();
        _exit(0);
    }
    if (suspended) {
        usleep(500000);
        kill(child, SIGSTOP);
        sleep(9);
        kill(child, SIGCONT);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

START_TEST(silence_ends_a_run)
{
    ck_assert_int_eq(watched(8, false, false), -SIGKILL);
}
END_TEST

START_TEST(work_within_a_phase_is_no_silence)
{
    ck_assert_int_eq(watched(6, true, false), 0);
}
END_TEST

START_TEST(a_suspended_run_is_not_silent)
{
    ck_assert_int_eq(watched(10, false, true), 0);
}
END_TEST

/* A process that sends these signals to itself, one after the other. Its exit status, or the signal that ended it,
   negative; said: what it was told on stderr. */
static int signalled(bool nohup, bool speaks, const int *numbers, char said[256])
{
    int ends[2], status;

    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGHUP, nohup ? SIG_IGN : SIG_DFL);
        clr_watch_signals(speaks);
        for (; *numbers; numbers++)
            raise(*numbers);
        _exit(clr_watch_signalled());
    }
    close(ends[1]);
    ssize_t n = read(ends[0], said, 255);
    said[n > 0 ? n : 0] = 0;
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

START_TEST(signals_ask_first)
{
    static const int numbers[] = {SIGTERM, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU, SIGINT, SIGQUIT};
    char said[256];

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        bool key = numbers[i] == SIGINT || numbers[i] == SIGQUIT;
        ck_assert_int_eq(signalled(false, true, (int[]){numbers[i], 0}, said), numbers[i]);
        ck_assert_msg(!strncmp(said, "\nstopping after this step", 25) && !!strstr(said, "once more") == key,
                      "signal %d: '%s'", numbers[i], said);
        ck_assert_int_eq(signalled(false, true, (int[]){numbers[i], numbers[i], 0}, said),
                         key ? -numbers[i] : numbers[i]);
        ck_assert_int_eq(signalled(false, false, (int[]){numbers[i], 0}, said), numbers[i]);
        ck_assert_str_eq(said, "");
        ck_assert_str_ne(clr_watch_name(numbers[i]), "a signal");
    }
    ck_assert_int_eq(signalled(true, true, (int[]){SIGHUP, SIGHUP, 0}, said), 0);
}
END_TEST

/* A process whose soft and hard limits of processor time are one is asked before it is killed. */
START_TEST(processor_time_ends_with_a_signal)
{
    int status;
    pid_t child = fork();

    if (!child) {
        struct rlimit limit = {4, 4};
        if (setrlimit(RLIMIT_CPU, &limit))
            _exit(99);
        clr_watch_signals(false);
        for (unsigned i = 1; !clr_watch_signalled(); i++)
            if (i % (1 << 20) == 0)
                usleep(1); /* ThreadSanitizer hands signals on in such calls alone */
        _exit(clr_watch_signalled());
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == SIGXCPU, "status %d", status);
}
END_TEST

int main(void)
{
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_test(all, time_limits);
    tcase_add_test(all, signals_ask_first);
    tcase_add_test(all, processor_time_ends_with_a_signal);
    tcase_add_test(all, silence_ends_a_run);
    tcase_add_test(all, work_within_a_phase_is_no_silence);
    tcase_add_test(all, a_suspended_run_is_not_silent);
    return clr_test_run("watch", all, CK_FORK_GETENV);
}
