/* SPDX-License-Identifier: BSD-3-Clause */
/* bench comm: the sum of a block over all ranks, alone and hidden behind arithmetic, by the code that sums
   gradients. */
#include "clr/cmd.h"
#include "clr/isa.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/allreduce.h"
#include "clr/tensor.h"
#include "bench.h"

#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>

typedef double peak_flops(long rounds);
CLR_KERNEL_DECLARE(peak_flops, clr_peak_flops);

typedef struct settings {
    int64_t bytes, bucket, threads, steps;
    double compute;
    clr_dtype wire;
} settings;

#define AT(field) offsetof(settings, field)
static const clr_opt own[] = {
    {"bytes", CLR_OPT_LONG, AT(bytes), "111728128", "N", 4096, 1e12, NULL, 0,
     "of the block; by default the gradients of ResNet-50 with its head"},
    {"bucket", CLR_OPT_LONG, AT(bucket), "4194304", "BYTES", 4096, 1 << 29, NULL, 0, "of one message"},
    {"compute", CLR_OPT_REAL, AT(compute), "0", "SECONDS", 0, 3600, NULL, 0,
     "arithmetic to hide behind; 0: four times what the sum takes alone"},
    {0}};
static const clr_opt_part options[] = {{own, 0, NULL},
                                       {clr_wire_option, AT(wire), NULL},
                                       {clr_threads_option, AT(threads), NULL},
                                       {clr_steps_option, AT(steps), "steps = 5\n"},
                                       {0}};

static void compute(peak_flops *run, long rounds)
{
#pragma omp parallel
    run(rounds);
}

/* The number of rounds that take so many seconds on all threads. */
static long rounds_of(peak_flops *run, double seconds)
{
    enum { PROBE = 2000000 };

    compute(run, PROBE);
    double begin = clr_seconds();
    compute(run, PROBE);
    return (long)(seconds / (clr_seconds() - begin) * PROBE);
}

/* One allreduce, whose buckets become ready from the end between pieces of arithmetic. Returns the seconds waited at
   the end. */
static double hidden(clr_allreduce *reduce, int64_t floats, int pieces, peak_flops *run, long rounds)
{
    clr_allreduce_begin(reduce);
    for (int i = pieces - 1; i >= 0; i--) {
        if (rounds)
            compute(run, rounds / pieces);
        clr_allreduce_ready(reduce, clr_share(floats, pieces, i));
    }
    return clr_allreduce_end(reduce);
}

/* The sum of what every rank put in: exact, or rounded as it travels. */
static clr_status check(clr_comm *comm, const float *block, int64_t floats, float want, clr_dtype wire)
{
    float rounding = wire == CLR_BF16 ? want * 0x1p-8f : 0;

    for (int64_t i = 0; i < floats; i++)
        if (!(fabsf(block[i] - want) <= rounding))
            return clr_fail(CLR_ENUMERIC, "the sum over %d ranks is wrong at place %" PRId64 ": %g instead of %g",
                            clr_comm_size(comm), i, (double)block[i], (double)want);
    return CLR_OK;
}

static clr_status run(clr_comm *comm, void *config, const clr_opt_set *set)
{
    const settings *a = config;
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm);
    int64_t floats = a->bytes / (int64_t)sizeof(float);
    int pieces = (int)clr_max64(1, clr_min64(256, a->bytes / a->bucket));
    double best[2] = {1e300, 1e300};
    clr_status st = CLR_OK;

    (void)set;
    int threads = clr_comm_threads(comm, a->threads);
    const clr_budget budget = clr_memory_budget(clr_comm_node_size(comm));
    if ((double)a->bytes > 0.8 * (double)budget.bytes)
        st = clr_fail(CLR_EMEMORY,
                      "--bytes=%" PRId64 ": does not fit in this rank's memory, of which %.1f GB are there (%s)",
                      a->bytes, (double)budget.bytes * 1e-9, budget.by);
    if ((st = clr_comm_agree(comm, st)) != CLR_OK)
        return st;
    peak_flops *arithmetic = CLR_KERNEL_PICK(clr_peak_flops);
    float *block = CLR_NEW(float, floats);
    clr_allreduce *reduce = clr_allreduce_new(
        comm, block,
        &(clr_allreduce_plan){.floats = floats, .bucket = a->bucket / (int64_t)sizeof(float), .wire = a->wire});
    long rounds = 0;

    for (int way = 0; way < 2 && st == CLR_OK; way++) {
        if (way)
            rounds = rounds_of(arithmetic, a->compute > 0 ? a->compute : fmax(4 * best[0], 0.01));
        for (int64_t step = -1; step < a->steps && st == CLR_OK; step++) {
            for (int64_t i = 0; i < floats; i++)
                block[i] = (float)(rank + 1);
            clr_comm_barrier(comm);
            double begin = clr_seconds(), waited = hidden(reduce, floats, pieces, arithmetic, rounds);
            double seconds = way ? waited : clr_seconds() - begin;
            clr_comm_allreduce_max_double(comm, &seconds, 1);
            st = clr_comm_agree(comm, check(comm, block, floats, (float)ranks * (float)(ranks + 1) / 2, a->wire));
            best[way] = step >= 0 && seconds < best[way] ? seconds : best[way];
        }
    }
    if (st == CLR_OK && rank == 0)
        printf("bench=comm ranks=%d nodes=%d threads=%d bytes=%" PRId64 " bucket=%" PRId64
               " wire=%s seconds=%.6f gb_per_s=%.3f exposed_s=%.6f\n",
               ranks, clr_comm_nodes(comm), threads, a->bytes, a->bucket, clr_dtype_name(a->wire), best[0],
               (double)a->bytes / best[0] * 1e-9, best[1]);
    clr_allreduce_free(reduce);
    clr_free(block);
    return st;
}

const clr_command clr_command_bench_comm = {
    .name = "bench comm",
    .arguments = "",
    .help = "times the sum of gradients over all ranks, alone and hidden behind arithmetic",
    .example = "mpirun -n 4 simclr bench comm",
    .options = options,
    .config_bytes = sizeof(settings),
    .run = run};
