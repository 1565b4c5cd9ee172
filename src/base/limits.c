/* SPDX-License-Identifier: BSD-3-Clause */
/* How much memory, and how much time of the cores: the least of what the machine, the control groups, the batch
   system and ulimit leave. Limits are found once in the life of the process; what is in use is read anew whenever
   somebody asks. */
#include "limits.h"

#include "clr/machine.h"
#include "clr/mem.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { GROUPS = 24 };

/* A control group with a limit on memory. */
typedef struct group {
    char folder[CLR_GROUP_PATH];
    uint64_t limit;
    bool v2;
} group;

typedef struct limits {
    const char *root;
    group group[GROUPS];
    int groups;
} limits;

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void add_group(const char *folder, bool v2, void *context)
{
    limits *l = context;
    uint64_t limit = v2 ? least(clr_number_at(folder, "memory.max", ""),
                                clr_number_at(folder, "memory.high", "")) /* beyond high it crawls */
                        : clr_number_at(folder, "memory.limit_in_bytes", "");

    if (limit >= (UINT64_C(1) << 62) || l->groups == GROUPS) /* version 1 writes "no limit" as a number of this size */
        return;
    group *g = &l->group[l->groups++];
    *g = (group){.limit = limit, .v2 = v2};
    snprintf(g->folder, sizeof g->folder, "%s", folder);
}

/* Memory in use that can be reclaimed: pages of files. */
static uint64_t of_files(const group *g)
{
    static const char *const keys[2][2] = {{"total_inactive_file ", "total_active_file "},
                                           {"inactive_file ", "active_file "}};
    uint64_t sum = 0;

    for (int i = 0; i < 2; i++) {
        uint64_t bytes = clr_number_at(g->folder, "memory.stat", keys[g->v2][i]);
        sum += bytes == UINT64_MAX ? 0 : bytes;
    }
    return sum;
}

static uint64_t left_in(const group *g)
{
    uint64_t used = clr_number_at(g->folder, g->v2 ? "memory.current" : "memory.usage_in_bytes", ""),
             files = of_files(g);

    if (used == UINT64_MAX)
        return UINT64_MAX;
    used -= least(used, files);
    return g->limit > used ? g->limit - used : 0;
}

/* "2000", "2000M", "2G": Slurm's numbers are MiB; 0 is no limit. UINT64_MAX where it is none. */
static uint64_t slurm_bytes(const char *name)
{
    const char *text = getenv(name);
    char *end;
    double number = text ? strtod(text, &end) : 0;

    if (!(number > 0))
        return UINT64_MAX;
    const char *units = "KMGTP", *unit = *end ? strchr(units, toupper((unsigned char)*end)) : units + 1;
    double bytes = unit ? ldexp(number, 10 * (int)(unit - units + 1)) : INFINITY;
    return bytes < 0x1p62 ? (uint64_t)bytes : UINT64_MAX;
}

/* The sum of the numbers in a text like "2", "a100:2", "a100:2,v100:1"; of "2(x3)", which counts nodes, the 2. 0
   where it is not set. */
static uint64_t slurm_count(const char *name)
{
    uint64_t sum = 0;

    for (const char *at = getenv(name); at && *at; at += strcspn(at, ","), at += *at == ',') {
        const char *colon = memchr(at, ':', strcspn(at, ",("));
        sum += strtoull(colon ? colon + 1 : at, NULL, 10);
    }
    return sum;
}

static uint64_t slurm_cpus(void)
{
    cpu_set_t cores;
    uint64_t n = slurm_count("SLURM_CPUS_ON_NODE");

    if (!n && getenv("SLURM_JOB_CPUS_PER_NODE"))
        n = strtoull(getenv("SLURM_JOB_CPUS_PER_NODE"), NULL, 10);
    return n ? n : (uint64_t)clr_cores(&cores);
}

static uint64_t slurm_gpus(void)
{
    uint64_t n = slurm_count("SLURM_GPUS_ON_NODE");

    n = n ? n : slurm_count("SLURM_GPUS_PER_NODE");
    return n ? n : slurm_count("SLURM_GPUS");
}

static void narrow(clr_budget *budget, uint64_t bytes, const char *by)
{
    if (bytes >= budget->bytes)
        return;
    budget->bytes = bytes;
    snprintf(budget->by, sizeof budget->by, "%s", by);
}

/* What Slurm gave the job on this node. */
static void by_slurm(clr_budget *budget)
{
    uint64_t cpu = slurm_bytes("SLURM_MEM_PER_CPU"), gpu = slurm_bytes("SLURM_MEM_PER_GPU"), cpus = slurm_cpus(),
             gpus = slurm_gpus();

    narrow(budget, slurm_bytes("SLURM_MEM_PER_NODE"), "SLURM_MEM_PER_NODE");
    if (cpu != UINT64_MAX && cpus)
        narrow(budget, cpu * cpus, "SLURM_MEM_PER_CPU");
    if (gpu != UINT64_MAX && gpus)
        narrow(budget, gpu * gpus, "SLURM_MEM_PER_GPU");
}

/* Each process has these limits for itself. */
static void by_ulimit(clr_budget *budget, const char *root)
{
    static const struct {
        int resource;
        const char *key, *name;
    } known[] = {{RLIMIT_AS, "VmSize:", "ulimit -v"}, {RLIMIT_DATA, "VmData:", "ulimit -d"}};
    char folder[CLR_GROUP_PATH];
    struct rlimit limit;

    snprintf(folder, sizeof folder, "%s/proc/self", root);
    for (int i = 0; i < 2; i++) {
        if (getrlimit(known[i].resource, &limit) || limit.rlim_cur == RLIM_INFINITY)
            continue;
        uint64_t used = clr_number_at(folder, "status", known[i].key);
        used = used == UINT64_MAX ? 0 : used * 1024;
        narrow(budget, limit.rlim_cur > used ? limit.rlim_cur - used : 0, known[i].name);
    }
}

static clr_budget budget_in(const limits *l, int sharing)
{
    char folder[CLR_GROUP_PATH], by[CLR_GROUP_PATH];
    clr_budget budget = {UINT64_MAX, "nothing known"};

    snprintf(folder, sizeof folder, "%s/proc", l->root);
    uint64_t machine = clr_number_at(folder, "meminfo", "MemAvailable:");
    if (machine != UINT64_MAX)
        narrow(&budget, machine * 1024, "the free memory of the machine");
    for (int i = 0; i < l->groups; i++) {
        snprintf(by, sizeof by, "control group %s", l->group[i].folder + strlen(l->root));
        narrow(&budget, left_in(&l->group[i]), by);
    }
    by_slurm(&budget);
    if (budget.bytes != UINT64_MAX)
        budget.bytes /= (unsigned)(sharing > 1 ? sharing : 1);
    by_ulimit(&budget, l->root);
    return budget;
}

static limits known;
static double known_quota;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void learn(void)
{
    known.root = "";
    clr_groups("", "memory", add_group, &known);
    known_quota = clr_cpu_quota_under("");
}

clr_budget clr_memory_budget(int sharing)
{
    pthread_once(&once, learn);
    return budget_in(&known, sharing);
}

clr_budget clr_memory_budget_under(const char *root, int sharing)
{
    limits l = {.root = root};

    clr_groups(root, "memory", add_group, &l);
    return budget_in(&l, sharing);
}

uint64_t clr_memory_available(void)
{
    return clr_memory_budget(1).bytes;
}

/* "150000 100000": microseconds per period of so many. "max 100000" means no quota; so does -1 in version 1, which
   is read as no number here. */
static void least_quota(const char *folder, bool v2, void *context)
{
    double *cores = context;
    uint64_t quota = clr_number_at(folder, v2 ? "cpu.max" : "cpu.cfs_quota_us", ""), period;
    char pair[32];

    if (quota == UINT64_MAX || quota >= UINT64_C(1) << 62)
        return;
    snprintf(pair, sizeof pair, "%llu ", (unsigned long long)quota);
    period = v2 ? clr_number_at(folder, "cpu.max", pair) : clr_number_at(folder, "cpu.cfs_period_us", "");
    if (period && period != UINT64_MAX)
        *cores = fmin(*cores, (double)quota / (double)period);
}

double clr_cpu_quota_under(const char *root)
{
    double cores = HUGE_VAL;

    clr_groups(root, "cpu", least_quota, &cores);
    return cores;
}

double clr_cpu_quota(void)
{
    pthread_once(&once, learn);
    return known_quota;
}
