/* SPDX-License-Identifier: BSD-3-Clause */
#include "clr/watchdog.h"

#include "clr/comm.h"
#include "clr/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

const clr_opt clr_watchdog_option[] = {
    {"watchdog", CLR_OPT_REAL, 0, "600", "SECONDS", 0, 1e6, NULL, 0,
     "end the job where nothing moves for so long, and ten times as long as it ever took; 0: never"},
    {0}};

enum { GRACE = 3 }; /* seconds in which every rank prints its phase before the first one ends the job */
enum { LATE = 5 };  /* seconds: the thread wakes every second; a longer gap means that the process was suspended */

static struct {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool running, ending;
    double awake, woke; /* seconds of the process without suspensions, and the clock, both at the last reading */
    double seconds, begin, longest;
    uint64_t alive;
    const char *phase, *host;
    int64_t step;
    int rank;
} dog = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* With the mutex held. The seconds of this process without those in which it was suspended. */
static double awake(void)
{
    double now = clr_seconds(), gap = now - dog.woke;

    dog.woke = now;
    return dog.awake += gap > LATE ? 1 : gap;
}

static void bark(double silent)
{
    char where[64] = "";

    if (dog.step > 0)
        snprintf(where, sizeof where, " of step %lld", (long long)dog.step);
    fprintf(stderr, "simclr: rank %d on %s: %s%s has not ended for %.0f seconds; ending the job (--watchdog)\n",
            dog.rank, dog.host, dog.phase, where, silent);
    fflush(stderr);
    sleep(GRACE);
    /* SIGKILL, because this thread must not call MPI, and because the launcher then ends the other ranks. An exit
       status of the program would mean that the run itself is at fault. */
    kill(getpid(), SIGKILL);
    _exit(1);
}

static void *watch(void *argument)
{
    pthread_mutex_lock(&dog.mutex);
    while (!dog.ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 1;
        pthread_cond_timedwait(&dog.wake, &dog.mutex, &until);
        double now = awake();
        if (dog.alive != clr_alive_count()) {
            dog.alive = clr_alive_count();
            dog.begin = now;
        }
        double silent = now - dog.begin;
        if (!dog.ending && silent > dog.seconds && silent > 10 * dog.longest)
            bark(silent);
    }
    pthread_mutex_unlock(&dog.mutex);
    return argument;
}

void clr_watchdog_start(double seconds, int rank, const char *host)
{
    sigset_t all, before;
    pthread_condattr_t clock;

    if (seconds <= 0)
        return;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&dog.wake, &clock);
    pthread_condattr_destroy(&clock);
    dog.seconds = seconds;
    dog.woke = clr_seconds();
    dog.begin = dog.awake;
    dog.longest = 0;
    dog.phase = "the start";
    dog.step = 0;
    dog.host = host;
    dog.rank = rank;
    dog.ending = false;
    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    dog.running = !pthread_create(&dog.thread, NULL, watch, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!dog.running)
        clr_warn("the watchdog's thread cannot be started: a hang will last until the job's time limit");
}

void clr_watch_phase(const char *phase, int64_t step)
{
    if (!dog.running)
        return;
    pthread_mutex_lock(&dog.mutex);
    double now = awake();
    dog.longest = now - dog.begin > dog.longest ? now - dog.begin : dog.longest;
    dog.begin = now;
    dog.phase = phase;
    dog.step = step < 0 ? dog.step : step;
    pthread_mutex_unlock(&dog.mutex);
}

void clr_watchdog_end(void)
{
    if (!dog.running)
        return;
    pthread_mutex_lock(&dog.mutex);
    dog.ending = true;
    pthread_cond_signal(&dog.wake);
    pthread_mutex_unlock(&dog.mutex);
    pthread_join(dog.thread, NULL);
    pthread_cond_destroy(&dog.wake);
    dog.running = false;
}
