#include "clr/output.h"

#include "clr/mem.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOTS = 8 };

/* What a signal removes. A slot is claimed, then filled, then shown to the handler. */
static struct {
    atomic_bool claimed, shown;
    char path[PATH_MAX];
} slots[SLOTS];

static void on_signal(int number)
{
    for (int i = 0; i < SLOTS; i++)
        if (atomic_load(&slots[i].shown))
            unlink(slots[i].path);
    raise(number); /* SA_RESETHAND: this time it ends us */
}

static void handle_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction now, action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!sigaction(numbers[i], NULL, &now) && now.sa_handler == SIG_DFL)
            sigaction(numbers[i], &action, NULL);
}

static int claim(const char *path)
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

static const char *kind(mode_t mode)
{
    return S_ISDIR(mode) ? "a folder" : S_ISCHR(mode) || S_ISBLK(mode) ? "a device" : S_ISFIFO(mode) ? "a pipe" : "no regular file";
}

/* What path leads to, freed by clr_free; *bytes of the file that is there, or -1. */
static clr_status find(const char *path, char **target, int64_t *bytes)
{
    size_t length = strlen(path);
    struct stat facts;

    *bytes = -1;
    if (lstat(path, &facts)) {
        if (errno != ENOENT)
            return clr_fail(CLR_EIO, "%s: cannot be written: %s", path, strerror(errno));
        if (!length || path[length - 1] == '/')
            return clr_fail(CLR_EIO, "'%s': is no name of a file", path);
        *target = clr_copy_text(path);
        return CLR_OK;
    }
    char *real = S_ISLNK(facts.st_mode) ? realpath(path, NULL) : NULL;
    if (S_ISLNK(facts.st_mode) && (!real || lstat(real, &facts))) {
        free(real);
        return clr_fail(CLR_EIO, "%s: is a link that leads nowhere: %s; remove it", path, strerror(errno));
    }
    *target = clr_copy_text(real ? real : path);
    free(real);
    if (S_ISREG(facts.st_mode)) {
        *bytes = facts.st_size;
        return CLR_OK;
    }
    clr_free(*target);
    return clr_fail(CLR_EIO, "%s: is %s, and only a regular file is replaced; give another name", path, kind(facts.st_mode));
}

clr_status clr_output_check(const char *path, bool replace)
{
    char *target;
    int64_t bytes;
    clr_status st = find(path, &target, &bytes);

    if (st != CLR_OK)
        return st;
    char *slash = strrchr(target, '/');
    char *folder = slash ? clr_text("%.*s/", (int)(slash - target), target) : clr_copy_text("./");
    if (bytes > 0 && !replace)
        st = clr_fail(CLR_EIO, "%s: is there already; --force replaces it", path);
    else if (access(folder, W_OK | X_OK))
        st = clr_fail(CLR_EIO, "%s: cannot be written: %s: %s", path, folder, strerror(errno));
    clr_free(folder);
    clr_free(target);
    return st;
}

clr_status clr_output_begin(const char *path, clr_output *output)
{
    int64_t bytes;
    clr_status st = find(path, &output->target, &bytes);

    if (st != CLR_OK)
        return st;
    output->temporary = clr_text("%s.tmp-%ld", output->target, (long)getpid());
    output->slot = claim(output->temporary);
    handle_signals();
    return CLR_OK;
}

int clr_output_end(clr_output *output, bool good)
{
    int error = good && rename(output->temporary, output->target) ? errno : 0;

    if (!good || error)
        unlink(output->temporary);
    if (output->slot >= 0) {
        atomic_store(&slots[output->slot].shown, false);
        atomic_store(&slots[output->slot].claimed, false);
    }
    clr_free(output->target);
    clr_free(output->temporary);
    *output = (clr_output){.slot = -1};
    return error;
}
