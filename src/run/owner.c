/* SPDX-License-Identifier: BSD-3-Clause */
#include "owner.h"

#include "clr/err.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The start of process pid in clock ticks since boot, which tells it from a later process of the same number. 0: it
   is a zombie, or (*unseen) /proc does not show it, possibly for lack of rights. */
static unsigned long long started(long pid, bool *unseen)
{
    char path[64], line[1024], *at;
    unsigned long long start = 0;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    *unseen = !file;
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
    if (stat("/proc/self/ns/pid", &names))
        names.st_ino = 0;
    snprintf(place, bytes, "%s:%lu", boot, (unsigned long)names.st_ino);
}

/* A word of the line: without blanks, and never empty. */
static void keep_word(char *word)
{
    for (char *at = word; *at; at++)
        if ((unsigned char)*at <= ' ')
            *at = '_';
    if (!*word)
        strcpy(word, "-");
}

clr_owner clr_owner_self(void)
{
    clr_owner me = {.pid = (long)getpid(), .since = time(NULL)};
    const char *job = getenv("SLURM_JOB_ID"), *restarts = getenv("SLURM_RESTART_COUNT");
    bool unseen;

    gethostname(me.host, sizeof me.host - 1);
    snprintf(me.job, sizeof me.job, "%s", job ? job : "");
    snprintf(me.mark, sizeof me.mark, "%016llx", (unsigned long long)clr_output_draw());
    me.restarts = restarts ? atol(restarts) : 0;
    me.start = started(me.pid, &unseen);
    find_place(me.place, sizeof me.place);
    keep_word(me.host);
    keep_word(me.job);
    return me;
}

char *clr_owner_text(const clr_owner *o)
{
    return clr_text("%s %ld %llu %s %ld %lld %s %s\n", o->host, o->pid, o->start, o->job, o->restarts,
                    (long long)o->since, *o->place ? o->place : "-", *o->mark ? o->mark : "-");
}

clr_owner_look clr_owner_read_open(int descriptor, clr_owner *owner)
{
    char line[1024];
    size_t used = 0;
    long long since = 0;

    *owner = (clr_owner){0};
    while (used < sizeof line - 1) {
        ssize_t n = pread(descriptor, line + used, sizeof line - 1 - used, (off_t)used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            clr_fail(CLR_EIO, "%s", strerror(errno));
            return CLR_OWNER_HIDDEN;
        }
        if (n == 0)
            break;
        used += (size_t)n;
    }
    line[used] = 0;
    if (sscanf(line, "%127s %ld %llu %63s %ld %lld %95s %23s", owner->host, &owner->pid, &owner->start, owner->job,
               &owner->restarts, &since, owner->place, owner->mark) < 6) {
        *owner = (clr_owner){0};
        return CLR_OWNER_NOBODY;
    }
    owner->since = (time_t)since;
    keep_word(owner->host); /* they are shown to people, on terminals */
    keep_word(owner->job);
    return CLR_OWNER_NAMED;
}

clr_owner_look clr_owner_read(const char *path, clr_owner *owner, struct stat *state)
{
    int descriptor;

    *owner = (clr_owner){0};
    if (clr_plain_open(path, O_RDONLY, &descriptor) != CLR_OK)
        return CLR_OWNER_HIDDEN;
    if (descriptor < 0)
        return CLR_OWNER_NONE;
    clr_owner_look look = clr_owner_read_open(descriptor, owner);
    if (look == CLR_OWNER_HIDDEN)
        clr_fail_in(CLR_EIO, "%s: cannot be read", path);
    else if (state && fstat(descriptor, state)) {
        clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
        look = CLR_OWNER_HIDDEN;
    }
    close(descriptor);
    return look;
}

bool clr_owner_near(const clr_owner *owner, const clr_owner *me)
{
    return me->start && owner->start && !strcmp(owner->host, me->host) && !strcmp(owner->place, me->place);
}

bool clr_owner_same(const clr_owner *a, const clr_owner *b)
{
    if (strlen(a->mark) > 1 && strlen(b->mark) > 1)
        return !strcmp(a->mark, b->mark);
    return !strcmp(a->host, b->host) && !strcmp(a->place, b->place) && a->pid == b->pid && a->start == b->start;
}

bool clr_owner_lives(const clr_owner *owner)
{
    bool unseen;
    unsigned long long start = started(owner->pid, &unseen);

    return unseen ? !kill((pid_t)owner->pid, 0) || errno != ESRCH : start == owner->start;
}
