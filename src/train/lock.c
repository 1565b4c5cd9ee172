/* The lock file is made under a name of its own and linked into place, which is atomic on network file systems too. */
#include "lock.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BEAT = 5, STALE = 60 }; /* seconds */

struct clr_lock {
    char *path;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool ending;
};

typedef struct owner {
    char host[128], job[64];
    long pid;
    unsigned long long start;
} owner;

/* Clock ticks from boot to the start of process pid, 0 where there is none: tells a process from a later one of its number. */
static unsigned long long started(long pid)
{
    char path[64], line[1024], *at;
    unsigned long long start = 0;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    if (fgets(line, sizeof line, file) && (at = strrchr(line, ')'))) {
        for (int field = 0; field < 20 && at; field++)
            at = strchr(at + 1, ' ');
        if (at)
            start = strtoull(at, NULL, 10);
    }
    fclose(file);
    return start;
}

static owner self(void)
{
    owner me = {.pid = (long)getpid()};
    const char *job = getenv("SLURM_JOB_ID");

    gethostname(me.host, sizeof me.host - 1);
    snprintf(me.job, sizeof me.job, "%s", job ? job : "-");
    me.start = started(me.pid);
    return me;
}

static bool read_owner(const char *path, owner *who, struct stat *state)
{
    FILE *file = fopen(path, "r");
    bool good = file && fscanf(file, "%127s %ld %llu %63s", who->host, &who->pid, &who->start, who->job) == 4;

    if (file)
        fclose(file);
    return good && !stat(path, state);
}

/* Why the lock binds nobody, or NULL. */
static const char *stale(const owner *who, const owner *me, const struct stat *state)
{
    if (!strcmp(who->host, me->host) && started(who->pid) != who->start)
        return "its process is gone";
    if (strcmp(me->job, "-") && !strcmp(who->job, me->job) && getenv("SLURM_RESTART_COUNT"))
        return "it is of an earlier start of this job";
    if (strcmp(who->host, me->host) && time(NULL) - state->st_mtime > STALE)
        return "nobody has touched it for a minute";
    return NULL;
}

static void *beat(void *argument)
{
    clr_lock *lock = argument;

    pthread_mutex_lock(&lock->mutex);
    while (!lock->ending) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += BEAT;
        pthread_cond_timedwait(&lock->wake, &lock->mutex, &until);
        utimensat(AT_FDCWD, lock->path, NULL, 0);
    }
    pthread_mutex_unlock(&lock->mutex);
    return NULL;
}

clr_status clr_lock_take(const char *folder, clr_lock **out)
{
    owner me = self(), who = {0};
    struct stat state;
    char *path = clr_text("%s/lock", folder), *mine = clr_text("%s/lock.%s.%ld", folder, me.host, me.pid);
    clr_status st = CLR_OK;
    FILE *file = fopen(mine, "w");

    *out = NULL;
    if (!file || fprintf(file, "%s %ld %llu %s\n", me.host, me.pid, me.start, me.job) < 0 || fclose(file))
        st = clr_fail(CLR_EIO, "%s: cannot be written: %s", mine, strerror(errno));
    for (int attempt = 0; st == CLR_OK && link(mine, path); attempt++) {
        if (errno != EEXIST) {
            st = clr_fail(CLR_EIO, "%s: cannot be made: %s", path, strerror(errno));
            break;
        }
        const char *why = read_owner(path, &who, &state) ? stale(&who, &me, &state) : attempt > 20 ? "it names nobody" : NULL;
        if (why && attempt < 40) {
            clr_info("%s: held by process %ld on %s, but %s: taken over", path, who.pid, who.host, why);
            unlink(path);
        } else if (who.pid) {
            st = clr_fail(CLR_EBUSY, "%s: another job works in this run directory: process %ld on %s%s%s; wait for it, or end it", folder,
                          who.pid, who.host, strcmp(who.job, "-") ? ", Slurm job " : "", strcmp(who.job, "-") ? who.job : "");
        } else
            usleep(50000);
    }
    unlink(mine);
    clr_free(mine);
    if (st != CLR_OK) {
        clr_free(path);
        return st;
    }
    clr_lock *lock = CLR_NEW(clr_lock, 1);
    lock->path = path;
    pthread_mutex_init(&lock->mutex, NULL);
    pthread_cond_init(&lock->wake, NULL);
    CLR_CHECK(!pthread_create(&lock->thread, NULL, beat, lock));
    *out = lock;
    return CLR_OK;
}

void clr_lock_drop(clr_lock *lock)
{
    if (!lock)
        return;
    pthread_mutex_lock(&lock->mutex);
    lock->ending = true;
    pthread_cond_signal(&lock->wake);
    pthread_mutex_unlock(&lock->mutex);
    pthread_join(lock->thread, NULL);
    unlink(lock->path);
    pthread_mutex_destroy(&lock->mutex);
    pthread_cond_destroy(&lock->wake);
    clr_free(lock->path);
    clr_free(lock);
}
