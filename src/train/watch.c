#include "watch.h"

#include "clr/comm.h"
#include "clr/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
    signalled = number;
}

void clr_watch_signals(void)
{
    static const int numbers[] = {SIGTERM, SIGUSR1, SIGUSR2, SIGINT};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action = {.sa_handler = on_signal};
        sigemptyset(&action.sa_mask);
        action.sa_flags = SA_RESTART | (numbers[i] == SIGINT ? (int)SA_RESETHAND : 0);
        sigaction(numbers[i], &action, NULL);
    }
}

int clr_watch_signalled(void)
{
    return signalled;
}

/* "5", "1:30:00", "2-3" (days, hours), "2-3:30", "2-3:30:15"; -1 where it is none of these. */
static double seconds_of(const char *limit)
{
    const char *dash = strchr(limit, '-'), *at = dash ? dash + 1 : limit;
    double days = 0, seconds = 0;
    int parts = 0;
    char *end;

    if (dash) {
        days = strtod(limit, &end);
        if (end != dash || !(days >= 0))
            return -1;
    }
    for (;; at = end + 1) {
        double part = strtod(at, &end);
        if (end == at || !(part >= 0) || (*end && *end != ':') || ++parts > 3)
            return -1;
        seconds = 60 * seconds + part;
        if (!*end)
            break;
    }
    for (; dash && parts < 3; parts++) /* days are followed by hours, whatever is left out after them */
        seconds *= 60;
    return seconds + 86400 * days;
}

double clr_watch_deadline(const char *limit)
{
    const char *slurm = getenv("SLURM_JOB_END_TIME");

    if (!limit || !*limit)
        return slurm ? atof(slurm) : 0;
    double seconds = seconds_of(limit);
    return seconds < 0 ? -1 : (double)time(NULL) + seconds;
}

enum { GRACE = 3 }; /* seconds in which every rank names its phase before the first to go takes the others with it */
enum { LATE = 5 };  /* seconds: the thread that watches wakes every second, and later than this only where the process was suspended */

static struct {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool running, ending;
    double awake, woke; /* seconds in which the process was not suspended, up to the last look at the clock; the clock then */
    double seconds, begin, longest;
    uint64_t alive;
    const char *phase, *host;
    int64_t step;
    int rank;
} dog = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* With the mutex held. The seconds of this process: while it is suspended the clock goes on, and what is late is not counted. */
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
    fprintf(stderr, "simclr: rank %d on %s: %s%s has not ended for %.0f seconds; ending the job (--watchdog)\n", dog.rank, dog.host, dog.phase,
            where, silent);
    fflush(stderr);
    sleep(GRACE);
    kill(getpid(), SIGKILL); /* the launcher ends the others, MPI belongs to the main thread, and no status of ours calls this a fault of the run */
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
