/* SPDX-License-Identifier: BSD-3-Clause */
/* Temporary files beside the file that they become: their names, their removal at a signal, and the removal of what a
   killed process left. */
#include "temporary.h"

#include "clr/mem.h"
#include "clr/output.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 8, DRAWN = 16 /* hexadecimal digits of a temporary name */ };

/* The files that a signal removes. A slot is claimed, then filled, then shown to the handler. */

static struct {
    atomic_bool claimed, shown;
    char path[PATH_MAX];
} slots[SLOTS];

void clr_output_drop(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (atomic_load(&slots[i].shown))
            unlink(slots[i].path);
}

static void on_signal(int number)
{
    clr_output_drop();
    raise(number); /* SA_RESETHAND: this time it ends us */
}

void clr_temporary_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU, SIGUSR1, SIGUSR2};
    struct sigaction now, action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!sigaction(numbers[i], NULL, &now) && now.sa_handler == SIG_DFL)
            sigaction(numbers[i], &action, NULL);
}

int clr_temporary_claim(const char *path)
{
    for (int i = 0; i < SLOTS && strlen(path) < PATH_MAX; i++) {
        bool free = false;
        if (atomic_compare_exchange_strong(&slots[i].claimed, &free, true)) {
            strcpy(slots[i].path, path);
            atomic_store(&slots[i].shown, true);
            return i;
        }
    }
    return -1;
}

void clr_temporary_disown(int slot)
{
    if (slot < 0)
        return;
    atomic_store(&slots[slot].shown, false);
    atomic_store(&slots[slot].claimed, false);
}

char *clr_temporary_folder(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');

    *name = slash ? slash + 1 : path;
    return slash ? clr_text("%.*s/", (int)(slash - path), path) : clr_copy_text("./");
}

/* Whether name ends like a temporary file's, and the process that made it. */
static bool is_temporary(const char *name, long *pid)
{
    const char *tmp = strstr(name, ".tmp-"), *last = tmp ? strrchr(tmp, '-') + 1 : "";

    *pid = atol(last);
    return *last && strspn(last, "0123456789") == strlen(last);
}

/* TARGET.tmp-HOST- is followed by DRAWN digits and the process number (earlier versions: the number alone). The
   check tells this host from one whose name begins with this host's name and a dash. */
static bool is_of_this_host(const char *rest)
{
    size_t drawn = strspn(rest, "0123456789abcdef");

    return !rest[strspn(rest, "0123456789")] ||
           (drawn == DRAWN && rest[drawn] == '-' && !strchr(rest + drawn + 1, '-'));
}

void clr_temporary_reclaim(const char *folder, const char *beginning, bool all)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    long pid;

    while (directory && (entry = readdir(directory))) {
        const char *name = entry->d_name;
        if (strncmp(name, beginning, strlen(beginning)) || !is_temporary(name, &pid) ||
            (!all && (!is_of_this_host(name + strlen(beginning)) || !kill((pid_t)pid, 0) || errno != ESRCH)))
            continue;
        char *path = clr_text("%s/%s", folder, name);
        unlink(path);
        clr_free(path);
    }
    if (directory)
        closedir(directory);
}

void clr_output_reclaim(const char *folder, const char *beginning)
{
    clr_temporary_reclaim(folder, beginning, true);
}

uint64_t clr_output_draw(void)
{
    struct timespec now;
    uint64_t drawn;

    if (getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) == (ssize_t)sizeof drawn)
        return drawn;
    clock_gettime(CLOCK_REALTIME, &now); /* an old kernel, or one that has just begun */
    return ((uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec ^ (uint64_t)(uintptr_t)&now) * 0x9e3779b97f4a7c15;
}

char *clr_temporary_stem(const char *target)
{
    char host[64] = "";

    gethostname(host, sizeof host - 1);
    return clr_text("%s.tmp-%s-", target, host);
}

char *clr_output_temporary(const char *target)
{
    char *stem = clr_temporary_stem(target),
         *path = clr_text("%s%0*llx-%ld", stem, DRAWN, (unsigned long long)clr_output_draw(), (long)getpid());

    clr_free(stem);
    return path;
}
