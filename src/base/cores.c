/* SPDX-License-Identifier: BSD-3-Clause */
/* What the launcher left to this process, before the OpenMP runtime touches it. With OMP_PROC_BIND, OMP_PLACES or
   GOMP_CPU_AFFINITY set (sites do that for every job), libgomp pins the first thread to the first of its places when
   it is loaded: the mask that main would find has one core, threads that main starts inherit it, and ranks that share
   cores all pin theirs to the same ones. So the mask is read, and these variables are taken out, in .preinit_array,
   which the ELF loader runs before the initialisation of any library. */
#include "clr/machine.h"

#include <malloc.h>
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { STACK_LEAST = 512 << 10, STACK_MOST = 8 << 20, STACK_HERE = 256 << 10, FILES = 4096 };

static cpu_set_t mask;
static int cores; /* in mask; 0: not read */
static char ignored[256];

/* "512", "512k", "2M": KiB without a unit. OpenMP itself complains about other texts. */
static bool unfit(const char *size)
{
    char *end;
    double bytes = strtod(size, &end);

    while (*end == ' ')
        end++;
    switch (*end) {
    case 'b':
    case 'B': break;
    case 'm':
    case 'M': bytes *= 1 << 20; break;
    case 'g':
    case 'G': bytes *= 1 << 30; break;
    default: bytes *= 1 << 10;
    }
    return end != size && (bytes < STACK_LEAST || bytes > 1 << 30);
}

static bool unwanted(const char *entry)
{
    static const char *const names[] = {"OMP_PROC_BIND=", "OMP_PLACES=", "GOMP_CPU_AFFINITY=", "KMP_AFFINITY="};
    static const char *const stacks[] = {"OMP_STACKSIZE=", "GOMP_STACKSIZE=", "KMP_STACKSIZE="};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strncmp(entry, names[i], strlen(names[i])))
            return true;
    for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++)
        if (!strncmp(entry, stacks[i], strlen(stacks[i])))
            return unfit(entry + strlen(stacks[i]));
    return false;
}

static void before_everything(int argc, char **argv, char **environment)
{
    char **kept = environment;
    size_t used = 0;
    (void)argc, (void)argv;

    if (!sched_getaffinity(0, sizeof mask, &mask))
        cores = CPU_COUNT(&mask);
    for (char **entry = environment; *entry; entry++) {
        if (!unwanted(*entry)) {
            *kept++ = *entry;
            continue;
        }
        if (used && used < sizeof ignored - 2) /* without libc, most of which may not work yet */
            ignored[used++] = ' ';
        for (const char *c = *entry; *c && used < sizeof ignored - 2; c++)
            ignored[used++] = *c;
    }
    *kept = NULL;
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **, char **) = before_everything;

/* Without .preinit_array the mask is already pinned here; OpenMP's places still list all cores. */
static void read_late(void)
{
    int places = omp_get_num_places();

    if (sched_getaffinity(0, sizeof mask, &mask))
        return;
    for (int place = 0; place < places; place++) {
        int n = omp_get_place_num_procs(place), ids[CPU_SETSIZE];
        if (n > CPU_SETSIZE)
            continue;
        omp_get_place_proc_ids(place, ids);
        for (int i = 0; i < n; i++)
            if (ids[i] < CPU_SETSIZE)
                CPU_SET(ids[i], &mask);
    }
    cores = CPU_COUNT(&mask);
}

int clr_cores(cpu_set_t *out)
{
    if (!cores)
        read_late();
    *out = mask;
    return cores;
}

const char *clr_openmp_ignored(void)
{
    return ignored;
}

/* Raises the soft limit to at least so much, as far as the hard limit allows. */
static void raise_limit(int resource, rlim_t least)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= least)
        return;
    limit.rlim_cur = limit.rlim_max != RLIM_INFINITY && limit.rlim_max < least ? limit.rlim_max : least;
    setrlimit(resource, &limit);
}

static void set_thread_stacks(void)
{
    pthread_attr_t attr;
    size_t bytes = 0;

    if (pthread_getattr_default_np(&attr))
        return;
    pthread_attr_getstacksize(&attr, &bytes);
    if (bytes < STACK_LEAST || bytes > STACK_MOST) {
        pthread_attr_setstacksize(&attr, bytes < STACK_LEAST ? STACK_LEAST : STACK_MOST);
        pthread_setattr_default_np(&attr);
    }
    pthread_attr_destroy(&attr);
}

clr_status clr_process_start(void)
{
    struct rlimit limit;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    raise_limit(RLIMIT_NOFILE, FILES);
    raise_limit(RLIMIT_STACK, STACK_MOST);
    set_thread_stacks();
    if (!getrlimit(RLIMIT_AS, &limit) && limit.rlim_cur != RLIM_INFINITY)
        mallopt(M_ARENA_MAX, 1); /* each would take 64 MiB of the limit */
    if (!getrlimit(RLIMIT_STACK, &limit) && limit.rlim_cur < STACK_HERE)
        return clr_fail(CLR_ECONFIG,
                        "a stack of %llu KiB is too small (ulimit -s), %d are needed; raise that limit to 8192",
                        (unsigned long long)limit.rlim_cur >> 10, STACK_HERE >> 10);
    return CLR_OK;
}
