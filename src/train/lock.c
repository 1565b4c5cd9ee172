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
enum { PATIENCE = 20 };        /* attempts at a lock that names nobody */
enum { MOMENT = 50000 };       /* microseconds between attempts */

typedef struct owner {
    char host[128], job[64]; /* job: "-" outside of Slurm */
    char place[96];          /* where pid means something: this boot of the host, and its process namespace */
    long pid, restarts;      /* of that job, so far */
    unsigned long long start;
    time_t since;
} owner;

struct clr_lock {
    char *folder, *path;
    owner me;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool ending;
};

/* Clock ticks from boot to the start of process pid, 0 where there is none or it is dead and only its parent does not know yet: tells a
   process from a later one of its number. */
static unsigned long long started(long pid)
{
    char path[64], line[1024], *at;
    unsigned long long start = 0;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    if (fgets(line, sizeof line, file) && (at = strrchr(line, ')')) && strncmp(at, ") Z", 3)) {
        for (int field = 0; field < 20 && at; field++)
            at = strchr(at + 1, ' ');
        if (at)
            start = strtoull(at, NULL, 10);
    }
    fclose(file);
    return start;
}

static void find_place(char *place, size_t bytes)
{
    char boot[64] = "?";
    struct stat names = {0};
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

    if (file && fscanf(file, "%63s", boot) != 1)
        strcpy(boot, "?");
    if (file)
        fclose(file);
    stat("/proc/self/ns/pid", &names);
    snprintf(place, bytes, "%s:%lu", boot, (unsigned long)names.st_ino);
}

static owner self(void)
{
    owner me = {.pid = (long)getpid(), .since = time(NULL)};
    const char *job = getenv("SLURM_JOB_ID"), *restarts = getenv("SLURM_RESTART_COUNT");

    gethostname(me.host, sizeof me.host - 1);
    snprintf(me.job, sizeof me.job, "%s", job && *job ? job : "-");
    me.restarts = restarts ? atol(restarts) : 0;
    me.start = started(me.pid);
    find_place(me.place, sizeof me.place);
    return me;
}

/* What cannot be read leaves errno, what is no lock's text 0. */
static bool read_owner(const char *path, owner *who, struct stat *state)
{
    FILE *file = fopen(path, "r");
    long long since;

    if (!file)
        return false;
    errno = 0;
    bool good = fscanf(file, "%127s %ld %llu %63s %ld %lld %95s", who->host, &who->pid, &who->start, who->job, &who->restarts, &since, who->place) >= 6;
    int error = ferror(file) ? errno : 0;
    fclose(file);
    who->since = good ? (time_t)since : 0;
    errno = error;
    return good && !stat(path, state);
}

/* Whether the owner's process can be looked for from here. */
static bool near(const owner *who, const owner *me)
{
    return !strcmp(who->host, me->host) && !strcmp(who->place, me->place);
}

/* Why the lock binds nobody, or NULL. now: by the clock of the file system, which is what dates the lock. */
static const char *stale(const owner *who, const owner *me, const struct stat *state, time_t now)
{
    if (near(who, me))
        return started(who->pid) != who->start ? "its process is gone" : NULL;
    if (strcmp(me->job, "-") && !strcmp(who->job, me->job) && who->restarts < me->restarts)
        return "it is of an earlier start of this job";
    return now - state->st_mtime > STALE ? "nobody has touched it for a minute" : NULL;
}

static bool same(const owner *a, const owner *b)
{
    return near(a, b) && a->pid == b->pid && a->start == b->start;
}

/* Takes the stale lock of who away. Two jobs may try at once: what is moved aside is looked at, and a live lock is put back. */
static void take_away(const char *path, const char *mine, const owner *who)
{
    owner moved = {0};
    struct stat state;
    char *aside = clr_text("%s.stale", mine);

    if (!rename(path, aside)) {
        if (read_owner(aside, &moved, &state) && !same(&moved, who) && link(aside, path))
            clr_warn("%s: two jobs took this lock at once", path);
        unlink(aside);
    }
    clr_free(aside);
}

/* Whether the lock names another process, who, or is gone (who->pid is 0). What cannot be read for another reason is no proof; and while
   others look at the lock it is missing for a moment. */
static bool lost(const clr_lock *lock, owner *who)
{
    struct stat state;

    for (int attempt = 0; attempt < PATIENCE; attempt++) {
        *who = (owner){0};
        if (read_owner(lock->path, who, &state))
            return !same(who, &lock->me);
        if (access(lock->path, F_OK) == 0 || errno != ENOENT)
            return false;
        usleep(MOMENT);
    }
    *who = (owner){0};
    return true;
}

static void *beat(void *argument)
{
    clr_lock *lock = argument;
    owner who;

    pthread_mutex_lock(&lock->mutex);
    while (!lock->ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += BEAT;
        pthread_cond_timedwait(&lock->wake, &lock->mutex, &until);
        if (!lost(lock, &who))
            utimensat(AT_FDCWD, lock->path, NULL, 0);
    }
    pthread_mutex_unlock(&lock->mutex);
    return NULL;
}

static clr_status held(const char *folder, const owner *who)
{
    char since[64] = "";
    struct tm then;

    if (localtime_r(&who->since, &then))
        strftime(since, sizeof since, " since %F %T", &then);
    return clr_fail(CLR_EBUSY, "%s: another job works in this run directory: process %ld on %s%s%s%s; wait for it, or end it", folder, who->pid,
                    who->host, strcmp(who->job, "-") ? ", Slurm job " : "", strcmp(who->job, "-") ? who->job : "", since);
}

/* Whether the owner is alive, as far as can be seen from another host: a lock that was touched since the first look is. */
static bool touched(const struct stat *first, const struct stat *state)
{
    return first->st_mtim.tv_sec != state->st_mtim.tv_sec || first->st_mtim.tv_nsec != state->st_mtim.tv_nsec || first->st_ino != state->st_ino;
}

/* The file `mine` becomes the lock at path, or who holds it is found. */
static clr_status acquire(const char *folder, const char *path, const char *mine, const owner *me)
{
    struct stat state, now, first = {0};
    int nobody = 0;

    for (;; usleep(MOMENT)) {
        owner who = {0};
        if (!link(mine, path))
            return CLR_OK;
        if (errno == EEXIST && !stat(mine, &now) && !stat(path, &state) && now.st_ino == state.st_ino && now.st_dev == state.st_dev)
            return CLR_OK; /* over NFS a link may be made, and the answer lost */
        if (errno != EEXIST)
            return clr_fail(CLR_EIO, "%s: cannot be made: %s", path, strerror(errno));
        utimensat(AT_FDCWD, mine, NULL, 0);
        bool known = read_owner(path, &who, &state) && !stat(mine, &now), unread = !known && errno;
        nobody += !known; /* it may just have been dropped */
        const char *why = known ? stale(&who, me, &state, now.st_mtime) : nobody >= PATIENCE && !unread ? "it names nobody" : NULL;
        if (why) {
            clr_info("%s: held by process %ld on %s, but %s: taken over", path, who.pid, *who.host ? who.host : "?", why);
            take_away(path, mine, &who);
        } else if (known && (near(&who, me) || (first.st_ino && touched(&first, &state))))
            return held(folder, &who);
        else if (known && !first.st_ino) {
            first = state;
            clr_info("%s: held by process %ld on %s, Slurm job %s; waiting for a sign of life, a minute at most", path, who.pid, who.host, who.job);
        } else if (nobody > 2 * PATIENCE)
            return clr_fail(CLR_EBUSY, "%s: is held, but cannot be read; remove it where no job works in %s", path, folder);
    }
}

clr_status clr_lock_take(const char *folder, clr_lock **out)
{
    owner me = self();
    sigset_t all, before;
    char *path = clr_text("%s/lock", folder), *mine = clr_text("%s/lock.%s.%ld.%llu", folder, me.host, me.pid, me.start);
    clr_status st = CLR_OK;
    FILE *file = fopen(mine, "w");

    *out = NULL;
    bool written = file && fprintf(file, "%s %ld %llu %s %ld %lld %s\n", me.host, me.pid, me.start, me.job, me.restarts, (long long)me.since, me.place) > 0;
    if (file)
        written = !fclose(file) && written;
    st = written ? acquire(folder, path, mine, &me) : clr_fail(CLR_EIO, "%s: cannot be written: %s", mine, strerror(errno));
    unlink(mine);
    clr_free(mine);
    if (st != CLR_OK) {
        clr_free(path);
        return st;
    }
    clr_lock *lock = CLR_NEW(clr_lock, 1);
    lock->folder = clr_copy_text(folder);
    lock->path = path;
    lock->me = me;
    pthread_mutex_init(&lock->mutex, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&lock->wake, &clock);
    pthread_condattr_destroy(&clock);
    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    CLR_CHECK(!pthread_create(&lock->thread, NULL, beat, lock));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *out = lock;
    return CLR_OK;
}

clr_status clr_lock_check(const clr_lock *lock)
{
    owner who;

    if (!lost(lock, &who))
        return CLR_OK;
    if (!who.pid)
        return clr_fail(CLR_EBUSY, "%s: is gone, so another job may have worked here while this one was suspended; nothing more is written, the same "
                                   "command goes on from the newest checkpoint", lock->path);
    return clr_fail_in(held(lock->folder, &who), "the lock was taken over while this job was suspended; nothing more is written");
}

void clr_lock_drop(clr_lock *lock)
{
    owner who;

    if (!lock)
        return;
    pthread_mutex_lock(&lock->mutex);
    lock->ending = true;
    pthread_cond_signal(&lock->wake);
    pthread_mutex_unlock(&lock->mutex);
    pthread_join(lock->thread, NULL);
    if (!lost(lock, &who))
        unlink(lock->path);
    pthread_mutex_destroy(&lock->mutex);
    pthread_cond_destroy(&lock->wake);
    clr_free(lock->folder);
    clr_free(lock->path);
    clr_free(lock);
}
