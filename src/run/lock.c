/* SPDX-License-Identifier: BSD-3-Clause */
/* A lock that is held: the thread that touches it, the check that it is still ours, and its release. acquire.c takes
   it. */
#include "lock.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/plain.h"
#include "acquire.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BEAT = 5 }; /* seconds */

struct clr_lock {
    char *folder, *path, *text;
    clr_owner me;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool ending;
};

/* Whether the lock names another process (*who), or is gone (who->pid is 0). A read that fails for another reason
   proves nothing. The lock is missing for a moment while another process examines it. */
static bool lost(const clr_lock *lock, clr_owner *who)
{
    for (int attempt = 0; attempt < CLR_LOCK_PATIENCE; attempt++) {
        clr_owner_look look = clr_owner_read(lock->path, who, NULL);
        if (look != CLR_OWNER_NONE)
            return look == CLR_OWNER_NAMED && !clr_owner_same(who, &lock->me);
        usleep(CLR_LOCK_MOMENT);
    }
    return true;
}

/* Where the file system cannot set a date, the same text is written again: that changes the date too. */
static void touch(const clr_lock *lock)
{
    clr_owner who;
    int file;

    if (clr_plain_open(lock->path, O_RDWR, &file) != CLR_OK || file < 0)
        return;
    if (clr_owner_read_open(file, &who) == CLR_OWNER_NAMED && clr_owner_same(&who, &lock->me) && futimens(file, NULL) &&
        pwrite(file, lock->text, strlen(lock->text), 0) < 0)
        clr_warn_once("lock", "%s: cannot be touched: %s; jobs on other hosts may take this one for dead", lock->path,
                      strerror(errno));
    close(file);
}

static void *beat(void *argument)
{
    clr_lock *lock = argument;

    pthread_mutex_lock(&lock->mutex);
    while (!lock->ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += BEAT;
        pthread_cond_timedwait(&lock->wake, &lock->mutex, &until);
        touch(lock);
    }
    pthread_mutex_unlock(&lock->mutex);
    return NULL;
}

static void release(clr_lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
    pthread_cond_destroy(&lock->wake);
    clr_free(lock->folder);
    clr_free(lock->path);
    clr_free(lock->text);
    clr_free(lock);
}

clr_status clr_lock_take(const char *folder, clr_lock **out)
{
    clr_owner me = clr_owner_self();
    sigset_t all, before;
    char *path = clr_text("%s/lock", folder), *text = clr_owner_text(&me);
    clr_status st = clr_lock_acquire(folder, path, text, &me);

    *out = NULL;
    if (st != CLR_OK) {
        clr_free(path);
        clr_free(text);
        return st;
    }
    clr_lock_sweep(folder);
    clr_lock *lock = CLR_NEW(clr_lock, 1);
    lock->folder = clr_copy_text(folder);
    lock->path = path;
    lock->text = text;
    lock->me = me;
    pthread_mutex_init(&lock->mutex, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&lock->wake, &clock);
    pthread_condattr_destroy(&clock);
    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&lock->thread, NULL, beat, lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        unlink(path);
        release(lock);
        return clr_fail(CLR_EIO, "%s: a thread that keeps this lock alive cannot be started: %s", folder,
                        strerror(error));
    }
    *out = lock;
    return CLR_OK;
}

clr_status clr_lock_check(const clr_lock *lock)
{
    clr_owner who;

    if (!lost(lock, &who))
        return CLR_OK;
    if (!who.pid)
        return clr_fail(CLR_EBUSY,
                        "%s: is gone, so another job may have worked here while this one was suspended; nothing more "
                        "is written, the same "
                        "command goes on from the newest checkpoint",
                        lock->path);
    return clr_fail_in(clr_lock_held(lock->folder, &who),
                       "the lock was taken over while this job was suspended; nothing more is written");
}

void clr_lock_drop(clr_lock *lock)
{
    clr_owner who;

    if (!lock)
        return;
    pthread_mutex_lock(&lock->mutex);
    lock->ending = true;
    pthread_cond_signal(&lock->wake);
    pthread_mutex_unlock(&lock->mutex);
    pthread_join(lock->thread, NULL);
    if (!lost(lock, &who))
        unlink(lock->path);
    release(lock);
}
