/* What ends a run from outside: time limits, and silence that is one. Each watchdog is a process of its own. */
#include "watch.h"

#include "clr/comm.h"
#include "clr/log.h"
#include "clr/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

START_TEST(time_limits)
{
    static const struct {
        const char *text;
        double seconds; /* -1: refused */
    } rows[] = {{"90", 90},        {"2:30", 150},         {"01:00:00", 3600}, {"1-0:00:00", 86400}, {"1-12", 129600}, {"1-12:30", 131400},
                {"2-1:02:03", 176523}, {"0-0:00:05", 5},   {"0", 0},           {"", 0},              {"-5", -1},       {"1-", -1},
                {"-", -1},         {"1:2:3:4", -1},       {"soon", -1},       {"1h", -1},           {"1:-2", -1},     {"1-2-3", -1}};

    unsetenv("SLURM_JOB_END_TIME");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double now = (double)time(NULL), got = clr_watch_deadline(rows[i].text);
        if (rows[i].seconds < 0 || !*rows[i].text)
            ck_assert_msg(got == rows[i].seconds, "'%s': %g", rows[i].text, got);
        else
            ck_assert_msg(got >= now + rows[i].seconds && got <= now + rows[i].seconds + 2, "'%s': %g seconds", rows[i].text, got - now);
    }
    setenv("SLURM_JOB_END_TIME", "12345", 1);
    ck_assert(clr_watch_deadline(NULL) == 12345);
}
END_TEST

/* A process under a watchdog of 2 seconds that does nothing, or says that it is alive, for so many seconds; suspended for 9 of them in
   between, or not. Its exit status, or the signal that ended it, negative. */
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

int main(void)
{
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_test(all, time_limits);
    tcase_add_test(all, silence_ends_a_run);
    tcase_add_test(all, work_within_a_phase_is_no_silence);
    tcase_add_test(all, a_suspended_run_is_not_silent);
    return clr_test_run("watch", all, CK_FORK_GETENV);
}
