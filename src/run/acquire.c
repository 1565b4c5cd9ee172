/* SPDX-License-Identifier: BSD-3-Clause */
/* The lock file is made under a name of its own and linked into place, which is atomic on network file systems too,
   and never shows half a line. Where a file system has no hard links (exFAT, sshfs, object stores), it is made in its
   place with O_EXCL.

   Of a holder on another host nothing is seen but that the file changes. No clock but this process' own is asked how
   long it has not: files are dated by servers and hosts whose clocks may be wrong. */
#include "acquire.h"

#include "clr/comm.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "lock.h"
#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LATE = 5 }; /* seconds: a look that is later was held up, and such time is not counted */

double clr_lock_silence = 60;

/* A file that nobody else has made, with this text; 0 or errno's value. */
static int write_new(const char *path, const char *text)
{
    size_t length = strlen(text), done = 0;
    int error = 0, file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);

    if (file < 0)
        return errno;
    while (done < length && !error) {
        ssize_t n = write(file, text + done, length - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            error = n ? errno : ENOSPC;
    }
    if (close(file) && !error)
        error = errno;
    if (error)
        unlink(path);
    return error;
}

/* Makes the lock; 0 or errno's value, EEXIST where there is one. */
static int put(const char *path, const char *text)
{
    char *mine = clr_output_temporary(path);
    int error = write_new(mine, text);

    if (!error) {
        error = link(mine, path) ? errno : 0;
        unlink(mine);
        if (error && error != EEXIST)
            error = write_new(path, text);
    }
    clr_free(mine);
    return error;
}

/* Removes the stale lock of `who`: renames it, then reads the renamed file. Two jobs may do so at once, and the second
   may catch the new lock of the first: a lock that is not `who`'s is put back. */
static clr_status take_away(const char *path, const clr_owner *who)
{
    clr_owner moved;
    char *aside = clr_output_temporary(path);
    clr_status st = CLR_OK;

    if (rename(path, aside)) {
        if (errno != ENOENT)
            st = clr_fail(CLR_EIO, "%s: is the lock of a job that has ended, and cannot be removed: %s", path,
                          strerror(errno));
    } else {
        if (clr_owner_read(aside, &moved, NULL) == CLR_OWNER_NAMED && !clr_owner_same(&moved, who)) {
            char *text = clr_owner_text(&moved);
            if (put(path, text))
                clr_warn("%s: two jobs took this lock at once", path);
            clr_free(text);
        }
        unlink(aside);
    }
    clr_free(aside);
    return st;
}

clr_status clr_lock_held(const char *folder, const clr_owner *who)
{
    char since[64] = "";
    struct tm then;

    if (!who->pid)
        return clr_fail(
            CLR_EBUSY,
            "%s/lock: somebody changes it, but it does not say who; remove it where no job works in this run directory",
            folder);
    if (localtime_r(&who->since, &then))
        strftime(since, sizeof since, " since %F %T", &then);
    return clr_fail(CLR_EBUSY,
                    "%s: another job works in this run directory: process %ld on %s%s%s%s; wait for it, or end it",
                    folder, who->pid, who->host, strcmp(who->job, "-") ? ", Slurm job " : "",
                    strcmp(who->job, "-") ? who->job : "", since);
}

static bool moved(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec || a.tv_nsec != b.tv_nsec;
}

static bool changed(const struct stat *a, const struct stat *b)
{
    return moved(a->st_mtim, b->st_mtim) || moved(a->st_ctim, b->st_ctim) || a->st_ino != b->st_ino ||
           a->st_size != b->st_size;
}

/* Waiting for a lock: what was seen at the first look, and the seconds in which it has not changed. */
typedef struct vigil {
    bool begun;
    struct stat first;
    double waited, looked;
} vigil;

static void count(vigil *v)
{
    double now = clr_seconds(), gap = now - v->looked;

    v->waited += gap > LATE ? 1e-6 * CLR_LOCK_MOMENT : gap;
    v->looked = now;
}

/* Judges an existing lock whose owner is `who`. *why: the reason why it is void, or NULL where that is not known
   yet. CLR_EBUSY: the lock is valid. */
static clr_status judge(const char *folder, const clr_owner *who, const clr_owner *me, const struct stat *state,
                        vigil *v, const char **why)
{
    *why = NULL;
    if (who->pid && clr_owner_near(who, me)) {
        *why = "its process is gone";
        return clr_owner_lives(who) ? clr_lock_held(folder, who) : CLR_OK;
    }
    if (who->pid && strcmp(me->job, "-") && !strcmp(who->job, me->job) && who->restarts < me->restarts) {
        *why = "it is of an earlier start of this job";
        return CLR_OK;
    }
    if (!v->begun) {
        *v = (vigil){.begun = true, .first = *state, .looked = clr_seconds()};
        if (who->pid)
            clr_info("%s/lock: held by process %ld on %s, Slurm job %s; waiting for a sign of life, a minute at most",
                     folder, who->pid, who->host, who->job);
        else
            clr_info("%s/lock: does not say whose it is; waiting for a sign of life, a minute at most", folder);
        return CLR_OK;
    }
    if (changed(&v->first, state))
        return clr_lock_held(folder, who);
    count(v);
    if (v->waited >= clr_lock_silence)
        *why = "nobody has touched it for a minute";
    return CLR_OK;
}

clr_status clr_lock_acquire(const char *folder, const char *path, const char *text, const clr_owner *me)
{
    vigil v = {0};
    struct stat state;
    clr_owner who;
    int hidden = 0;
    const char *why;

    for (;; usleep(CLR_LOCK_MOMENT)) {
        if (clr_watch_signalled()) {
            clr_info("told to stop while waiting for %s: nothing was begun, the same command starts anew", path);
            return clr_fail(CLR_STOPPED, "%s: told to stop while waiting for it", path);
        }
        clr_owner_look look = clr_owner_read(path, &who, &state);
        if (look == CLR_OWNER_NONE) {
            int error = put(path, text);
            if (!error)
                return CLR_OK;
            if (error != EEXIST)
                return clr_fail(CLR_EIO, "%s: cannot be made: %s", path, strerror(error));
            continue;
        }
        if (look == CLR_OWNER_HIDDEN) {
            if (++hidden > CLR_LOCK_PATIENCE)
                return clr_fail_in(CLR_EBUSY, "%s: cannot find out whether another job uses this run directory",
                                   folder);
            continue;
        }
        if (look == CLR_OWNER_NAMED &&
            clr_owner_same(&who, me)) /* made, and the answer was lost: network file systems */
            return CLR_OK;
        clr_status st = judge(folder, &who, me, &state, &v, &why);
        if (st == CLR_OK && why) {
            if (who.pid)
                clr_info("%s: held by process %ld on %s, but %s: taken over", path, who.pid, who.host, why);
            else
                clr_info("%s: %s: taken over", path, why);
            st = take_away(path, &who);
            v.begun = false;
        }
        if (st != CLR_OK)
            return st;
    }
}

/* Whether name is a file that earlier versions left: lock.HOST.PID.START, or that with .stale. */
static bool is_leftover(const char *name)
{
    size_t length = strlen(name);
    int numbers = 0;

    if (strncmp(name, "lock.", 5))
        return false;
    if (length > 6 && !strcmp(name + length - 6, ".stale"))
        length -= 6;
    for (size_t end = length; numbers < 2; numbers++) {
        size_t at = end;
        while (at > 5 && name[at - 1] >= '0' && name[at - 1] <= '9')
            at--;
        if (at == end || at <= 6 || name[at - 1] != '.')
            return false;
        end = at - 1;
    }
    return true;
}

/* Called by the owner of the lock only: a rank that still tries creates its file again. */
void clr_lock_sweep(const char *folder)
{
    DIR *directory = opendir(folder);

    clr_output_reclaim(folder, "lock.tmp-");
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char *path = is_leftover(entry->d_name) ? clr_text("%s/%s", folder, entry->d_name) : NULL;
        if (path)
            unlink(path);
        clr_free(path);
    }
    if (directory)
        closedir(directory);
}
