#include "watch.h"

#include "clr/comm.h"
#include "clr/err.h"
#include "clr/mem.h"

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

double clr_watch_deadline(const char *limit)
{
    const char *slurm = getenv("SLURM_JOB_END_TIME");
    double seconds = 0;
    char *end;

    if (!limit || !*limit)
        return slurm ? atof(slurm) : 0;
    for (const char *at = limit;; at = end + 1) {
        double part = strtod(at, &end);
        if (end == at || part < 0 || (*end && *end != ':'))
            return -1;
        seconds = 60 * seconds + part;
        if (!*end)
            return (double)time(NULL) + seconds;
    }
}

struct clr_watchdog {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool ending;
    double seconds, last;
    const char *phase, *host;
    int64_t step;
    int rank;
};

static void *watch(void *argument)
{
    clr_watchdog *dog = argument;

    pthread_mutex_lock(&dog->mutex);
    while (!dog->ending) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1;
        pthread_cond_timedwait(&dog->wake, &dog->mutex, &until);
        if (!dog->ending && clr_seconds() - dog->last > dog->seconds) {
            fprintf(stderr, "simclr: rank %d on %s: nothing has moved for %.0f seconds in step %lld, %s; ending the job (--watchdog)\n",
                    dog->rank, dog->host, dog->seconds, (long long)dog->step, dog->phase);
            fflush(stderr);
            _exit(1); /* the launcher ends the others; MPI belongs to the main thread, which hangs */
        }
    }
    pthread_mutex_unlock(&dog->mutex);
    return NULL;
}

clr_watchdog *clr_watchdog_start(double seconds, int rank, const char *host)
{
    if (seconds <= 0)
        return NULL;
    clr_watchdog *dog = CLR_NEW(clr_watchdog, 1);
    *dog = (clr_watchdog){.seconds = seconds, .last = clr_seconds(), .phase = "start", .host = host, .rank = rank};
    pthread_mutex_init(&dog->mutex, NULL);
    pthread_cond_init(&dog->wake, NULL);
    CLR_CHECK(!pthread_create(&dog->thread, NULL, watch, dog));
    return dog;
}

void clr_watch_phase(clr_watchdog *dog, const char *phase, int64_t step)
{
    if (!dog)
        return;
    pthread_mutex_lock(&dog->mutex);
    dog->phase = phase;
    dog->step = step;
    dog->last = clr_seconds();
    pthread_mutex_unlock(&dog->mutex);
}

void clr_watchdog_end(clr_watchdog *dog)
{
    if (!dog)
        return;
    pthread_mutex_lock(&dog->mutex);
    dog->ending = true;
    pthread_cond_signal(&dog->wake);
    pthread_mutex_unlock(&dog->mutex);
    pthread_join(dog->thread, NULL);
    pthread_mutex_destroy(&dog->mutex);
    pthread_cond_destroy(&dog->wake);
    clr_free(dog);
}
