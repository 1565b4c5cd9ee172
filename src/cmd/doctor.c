/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor: examines an allocation from inside, before it is spent. It takes the options of pretrain, so that it can
   replace pretrain in a job script. Each rank prints one line with its node and its share of it; then follows what
   the run would need. */
#include "clr/ckpt.h"
#include "clr/cmd.h"
#include "clr/gemm.h"
#include "clr/h5.h"
#include "clr/image.h"
#include "clr/isa.h"
#include "clr/log.h"
#include "clr/machine.h"
#include "clr/mem.h"
#include "clr/plain.h"
#include "clr/pretrain.h"
#include "doctor.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { LINE = 256, NETWORK_FLOATS = 1 << 20, WRITTEN = 16 << 20 };

/* The cores that the launcher left to this rank, as "0-3,8". */
static void cores(char *text, size_t capacity)
{
    cpu_set_t set;
    size_t used = 0;

    *text = 0;
    if (!clr_cores(&set))
        return;
    for (int i = 0, from; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &set))
            continue;
        for (from = i; i + 1 < CPU_SETSIZE && CPU_ISSET(i + 1, &set); i++)
            ;
        int n = snprintf(text + used, capacity - used, i > from ? "%s%d-%d" : "%s%d", used ? "," : "", from, i);
        used += n > 0 && (size_t)n < capacity - used ? (size_t)n : 0;
    }
}

/* What needs no MPI. */
static void say_process(void)
{
    char list[LINE / 2], host[256] = "", quota[64] = "";
    clr_budget budget = clr_memory_budget(1);

    gethostname(host, sizeof host - 1);
    cores(list, sizeof list);
    if (clr_cpu_quota() < HUGE_VAL)
        snprintf(quota, sizeof quota, " (a CPU quota gives the time of %.3g)", clr_cpu_quota());
    printf("simclr %s; %s; %s; %s; %s\nthis process: on %s, cores %s%s, memory %.2f GiB (limit: %s)\n", PACKAGE_VERSION,
           clr_comm_library(), clr_gemm_library(), clr_h5_library(), clr_image_libraries(), host, list, quota,
           (double)budget.bytes * 0x1p-30, budget.by);
    fflush(stdout);
}

/* Collective. Rank 0 prints the lines of all ranks in order; lines that differ in the rank alone are counted, not
   repeated. */
static void say_ranks(clr_comm *comm, int threads)
{
    char line[LINE], mine[LINE], list[LINE / 2];
    const char *isa = clr_isa_name(clr_isa_current());

    cores(list, sizeof list);
    snprintf(mine, sizeof mine, "%-16.64s %5d of %-4d %8d   %-16.96s %7.1f GiB  %s", clr_comm_host(comm),
             clr_comm_node_rank(comm) + 1, clr_comm_node_size(comm), threads, list,
             (double)clr_memory_available() * 0x1p-30, isa);
    if (clr_comm_rank(comm) == 0)
        printf("%5s  %-16s %13s %8s   %-16s %11s  %s\n", "rank", "host", "on its node", "threads", "cores allowed",
               "memory free", "kernels");
    for (int rank = 0; rank < clr_comm_size(comm); rank++) {
        memcpy(line, mine, sizeof line);
        clr_comm_broadcast(comm, line, sizeof line, rank);
        if (clr_comm_rank(comm) == 0)
            printf("%5d  %s\n", rank, line);
    }
}

static const char *file_system(const char *path)
{
    static const struct {
        unsigned long type;
        const char *name;
    } known[] = {{0xEF53, "ext4"},     {0x58465342, "xfs"},     {0x9123683E, "btrfs"}, {0x01021994, "tmpfs"},
                 {0x6969, "nfs"},      {0x0BD00BD0, "lustre"},  {0x47504653, "gpfs"},  {0x19830326, "beegfs"},
                 {0x00C36400, "ceph"}, {0x794C7630, "overlay"}, {0x2FC12FC1, "zfs"}};
    struct statfs attributes;

    if (!statfs(path, &attributes))
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (known[i].type == (unsigned long)attributes.f_type)
                return known[i].name;
    return "of another kind";
}

/* Seconds to write WRITTEN bytes to a file in folder and to fsync it. */
static clr_status write_speed(const char *folder, double *seconds)
{
    char *path = clr_text("%s/.simclr-doctor-XXXXXX", folder), *block = clr_alloc(WRITTEN, 1);
    double begin = clr_seconds();
    int file = mkstemp(path), error;
    clr_status st = CLR_OK;

    for (ssize_t at = 0, n; file >= 0 && at < WRITTEN; at += n)
        if ((n = write(file, block + at, (size_t)(WRITTEN - at))) < 0) {
            st = clr_fail(CLR_EIO, "%s: cannot be written: %s", path, strerror(errno));
            break;
        }
    if (file < 0)
        st = clr_fail(CLR_EIO, "%s: no file can be made there: %s; choose another --run-dir", folder, strerror(errno));
    else if (st == CLR_OK && (error = clr_plain_sync(file, false)))
        st = clr_fail(CLR_EIO, "%s: cannot be synced: %s", path, strerror(error));
    *seconds = clr_seconds() - begin;
    if (file >= 0) {
        close(file);
        unlink(path);
    }
    clr_free(block);
    clr_free(path);
    return st;
}

/* Rank 0: the folder of the run, or the nearest above it that exists. */
static clr_status say_disk(const clr_run_config *c, double *free_gib)
{
    char *folder = clr_copy_text(c->run_dir && *c->run_dir ? c->run_dir : ".");
    struct statvfs attributes;
    double seconds = 0;

    while (access(folder, F_OK)) {
        char *slash = strrchr(folder, '/');
        if (!slash)
            strcpy(folder, ".");
        else
            slash[slash == folder] = 0;
    }
    clr_status st = write_speed(folder, &seconds);
    if (st == CLR_OK && statvfs(folder, &attributes))
        st = clr_fail(CLR_EIO, "%s: %s", folder, strerror(errno));
    if (st == CLR_OK) {
        *free_gib = (double)attributes.f_bavail * (double)attributes.f_frsize * 0x1p-30;
        printf("run folder: %s, file system %s, %.1f GiB free, writes and syncs %.0f MB/s\n", folder,
               file_system(folder), *free_gib, WRITTEN / seconds * 1e-6);
    }
    clr_free(folder);
    return st;
}

/* Collective. Seconds for the sum of 4 MiB over all ranks, the best of a few; wrong sums are an error. */
static clr_status try_network(clr_comm *comm, double *seconds)
{
    float *block = CLR_NEW(float, NETWORK_FLOATS);
    int ranks = clr_comm_size(comm);
    clr_status st = CLR_OK;

    *seconds = 1e300;
    for (int i = 0; i < 5 && st == CLR_OK; i++) {
        for (int j = 0; j < NETWORK_FLOATS; j++)
            block[j] = (float)(clr_comm_rank(comm) + 1);
        clr_comm_barrier(comm);
        double begin = clr_seconds();
        clr_comm_allreduce_sum(comm, block, NETWORK_FLOATS);
        double took = clr_seconds() - begin;
        *seconds = took < *seconds ? took : *seconds;
        for (int j = 0; j < NETWORK_FLOATS && st == CLR_OK; j++)
            if (block[j] != (float)ranks * (float)(ranks + 1) / 2)
                st = clr_fail(CLR_ENUMERIC, "the network adds wrongly: place %d of a sum over %d ranks is %g", j, ranks,
                              (double)block[j]);
        st = clr_comm_agree(comm, st);
    }
    clr_comm_allreduce_max_double(comm, seconds, 1);
    clr_free(block);
    return st;
}

clr_status clr_doctor_allocation(clr_comm *comm, const clr_run_config *config, clr_doctor_seen *seen)
{
    bool first = clr_comm_rank(comm) == 0;
    int ranks = clr_comm_size(comm), rank;
    const char *by;

    *seen = (clr_doctor_seen){.threads = clr_comm_threads(comm, config->threads)};
    if (first)
        printf("%d rank%s on %d node%s%s\n", ranks, ranks > 1 ? "s" : "", clr_comm_nodes(comm),
               clr_comm_nodes(comm) > 1 ? "s" : "",
               clr_comm_launched(&rank, &by) == 1 && !by
                   ? ", no launcher (under srun or mpirun, doctor tries the network)"
                   : "");
    say_ranks(comm, seen->threads);
    clr_status st = try_network(comm, &seen->network);
    if (st == CLR_OK && first)
        printf("a sum of 4 MiB over all ranks: %.2f ms\n", 1e3 * seen->network);
    if (st == CLR_OK)
        st = clr_comm_agree(comm, first ? say_disk(config, &seen->free_gib) : CLR_OK);
    if (first)
        fflush(stdout);
    return st;
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const clr_pretrain_config *c = settings;
    double need = 0, there = 0;
    clr_doctor_seen seen;
    clr_status st = clr_doctor_allocation(comm, &c->run, &seen);

    if (c->plan && isdigit((unsigned char)*c->plan)) {
        int nodes = atoi(c->plan);
        if (st == CLR_OK && (nodes < 1 || nodes > 100000 || c->plan[strspn(c->plan, "0123456789")]))
            st = clr_comm_agree(comm, clr_fail(CLR_EUSAGE, "--plan=%s: must be a number of nodes", c->plan));
        return st == CLR_OK ? clr_doctor_plan(comm, c, &seen, nodes) : st;
    }
    if (st == CLR_OK)
        st = clr_pretrain_needs(comm, c, set, &need, &there);
    if (clr_comm_rank(comm) == 0 && (st == CLR_OK || st == CLR_EMEMORY))
        printf("doctor ranks=%d nodes=%d threads=%d isa=%s memory_needed_gib=%.3f memory_there_gib=%.3f "
               "disk_free_gib=%.1f allreduce_4mib_s=%.6f fits=%s\n",
               clr_comm_size(comm), clr_comm_nodes(comm), seen.threads, clr_isa_name(clr_isa_current()), need, there,
               seen.free_gib, seen.network, st == CLR_OK ? "yes" : "no");
    if (st == CLR_EMEMORY && !c->data) { /* nobody has asked for this run yet */
        clr_info("the default run would not fit: %s", clr_message());
        st = CLR_OK;
    }
    return st;
}

const clr_command clr_command_doctor = {
    .name = "doctor",
    .arguments = "",
    .help = "ranks, nodes, cores, memory, network and disk, before an allocation is spent; options as pretrain's. "
            "--plan=NODES: hours, core-hours, memory and storage of the paper's runs on so many nodes like this one",
    .example = "srun simclr doctor --preset=imagenet --data=train.h5 --run-dir=runs/a",
    .options = clr_pretrain_options,
    .config_bytes = sizeof(clr_pretrain_config),
    .before = say_process,
    .complete = clr_pretrain_complete,
    .run = run};
