/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch.h"

#include "clr/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t signalled, speaking;

static const struct {
    int number;
    const char *name;
    int flags;
} signals[] = {{SIGTERM, "SIGTERM", 0},
               {SIGUSR1, "SIGUSR1", 0},
               {SIGUSR2, "SIGUSR2", 0},
               {SIGHUP, "SIGHUP: the terminal or its connection is gone", 0},
               {SIGXCPU, "SIGXCPU: the limit of processor time, ulimit -t", 0},
               {SIGINT, "Ctrl-C", (int)SA_RESETHAND},
               {SIGQUIT, "SIGQUIT", (int)SA_RESETHAND}};

enum { SIGNALS = sizeof signals / sizeof *signals };

static void on_signal(int number)
{
    static const char once[] = "\nstopping after this step\n",
                      keys[] = "\nstopping after this step, with a checkpoint; once more ends it at once\n";
    bool again = number == SIGINT || number == SIGQUIT;
    int error = errno;

    if (!signalled && speaking &&
        write(STDERR_FILENO, again ? keys : once, again ? sizeof keys - 1 : sizeof once - 1) < 0)
        errno = error; /* nobody is there to be told */
    signalled = number;
    errno = error;
}

static void leave_time(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_CPU, &limit) || limit.rlim_max == RLIM_INFINITY || limit.rlim_cur < limit.rlim_max)
        return;
    rlim_t tenth = limit.rlim_max / 10, before = tenth < 3 ? 3 : tenth > 60 ? 60 : tenth; /* seconds */
    limit.rlim_cur = limit.rlim_max > before ? limit.rlim_max - before : limit.rlim_cur;
    setrlimit(RLIMIT_CPU, &limit);
}

void clr_watch_signals(bool speaks)
{
    struct sigaction now;

    speaking = speaks;
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | signals[i].flags};
        sigemptyset(&action.sa_mask);
        if (signals[i].number != SIGHUP || sigaction(SIGHUP, NULL, &now) || now.sa_handler != SIG_IGN)
            sigaction(signals[i].number, &action, NULL);
    }
    leave_time();
}

int clr_watch_signalled(void)
{
    return signalled;
}

const char *clr_watch_name(int number)
{
    for (int i = 0; i < SIGNALS; i++)
        if (signals[i].number == number)
            return signals[i].name;
    return "a signal";
}

double clr_watch_now(void)
{
    return (double)time(NULL);
}

/* Digits; where a fraction is allowed, also a point and more digits. */
static bool digits(const char **at, bool fraction, double *value)
{
    size_t n = strspn(*at, "0123456789"),
           more = fraction && n && (*at)[n] == '.' ? strspn(*at + n + 1, "0123456789") : 0;

    *value = n ? strtod(*at, NULL) : 0;
    *at += n + (more ? more + 1 : 0);
    return n > 0;
}

double clr_watch_seconds(const char *limit)
{
    const char *at = limit;
    bool dash = strchr(limit, '-');
    double days = 0, seconds = 0, part;
    int parts = 0;

    if (dash && (!digits(&at, false, &days) || *at++ != '-'))
        return -1;
    do {
        at += parts > 0;
        if (parts == 3 || !digits(&at, !strpbrk(at, ":-") && !(dash && parts < 2), &part) ||
            (parts ? part >= 60 : dash && part >= 24))
            return -1;
        seconds = 60 * seconds + part;
        parts++;
    } while (*at == ':');
    for (; dash && parts < 3; parts++) /* days are followed by hours; minutes and seconds may be left out */
        seconds *= 60;
    seconds += 86400 * days;
    return *at || seconds <= 0 ? -1 : seconds;
}

/* 0 where there is none, or where it lies in the past. */
static double slurm_end(void)
{
    const char *text = getenv("SLURM_JOB_END_TIME"), *at = text;
    char when[32] = "?";
    double end;

    if (!text || !*text)
        return 0;
    if (!digits(&at, true, &end) || *at) {
        clr_warn_once("end-time",
                      "SLURM_JOB_END_TIME=%s is no time, and does not count; unset it, or give --time-limit", text);
        return 0;
    }
    if (end > clr_watch_now())
        return end;
    time_t seconds = (time_t)(end < 1e11 ? end : 0);
    struct tm local;
    if (localtime_r(&seconds, &local))
        strftime(when, sizeof when, "%F %T", &local);
    clr_warn_once("end-time",
                  "SLURM_JOB_END_TIME=%s is past (%s): an earlier job's, as in a shell or tmux that it left behind; it "
                  "does not count: unset "
                  "it, or give --time-limit",
                  text, when);
    return 0;
}

double clr_watch_deadline(double seconds)
{
    return seconds > 0 ? clr_watch_now() + seconds : slurm_end();
}
