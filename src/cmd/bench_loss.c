/* SPDX-License-Identifier: BSD-3-Clause */
/* bench loss: value and gradient of a contrastive loss over 2 x batch embeddings. */
#include "clr/cmd.h"
#include "clr/h5.h"
#include "clr/loss.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/rng.h"
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct settings {
    int64_t batch, dim, threads, steps;
    clr_loss_config loss;
    bool force;
    const char *input, *output;
} settings;

#define AT(field) offsetof(settings, field)
static const clr_opt own[] = {
    {"batch", CLR_OPT_LONG, AT(batch), "8192", "N", 1, 1 << 26, NULL, 0, "images; 2N embeddings"},
    {"dim", CLR_OPT_LONG, AT(dim), "128", "D", 1, 1 << 16, NULL, 0, "length of an embedding"},
    {"input", CLR_OPT_TEXT, AT(input), NULL, "Z.h5", 0, 0, NULL, 0,
     "/z (2N, D): first views, then second; instead of random rows"},
    {"output", CLR_OPT_TEXT, AT(output), NULL, "DZ.h5", 0, 0, NULL, 0, "/dz (2N, D) goes there"},
    {0}};
static const clr_opt_part options[] = {{own, 0, NULL},
                                       {clr_loss_options, AT(loss), NULL},
                                       {clr_threads_option, AT(threads), NULL},
                                       {clr_steps_option, AT(steps), NULL},
                                       {clr_force_option, AT(force), NULL},
                                       {0}};

static clr_status check_options(const settings *a, const clr_opt_set *set)
{
    static const char *const sizes[] = {"batch", "dim"};

    for (size_t i = 0; i < 2; i++)
        if (a->input && clr_opt_given(set, sizes[i]) >= CLR_OPT_FILE)
            return clr_fail(
                CLR_EUSAGE,
                "--%s has no effect here: --input=%s says how many rows there are, and how long; leave it out",
                sizes[i], a->input);
    if (a->force && !a->output)
        return clr_fail(CLR_EUSAGE, "--force has no effect here: it needs --output");
    return CLR_OK;
}

/* Memory: rows of all ranks, embeddings and gradients of this rank, and the loss's own. */
static clr_status check_memory(const clr_comm *comm, const settings *a)
{
    int64_t mine = a->batch / clr_comm_size(comm) + 1;
    double need = 8.0 * (double)a->dim * (double)(a->batch + 2 * mine) +
                  (double)clr_loss_bytes(a->batch, clr_min64(mine, a->batch), (int)a->dim);
    const clr_budget budget = clr_memory_budget(clr_comm_node_size(comm));
    double there = 0.8 * (double)budget.bytes;

    if (need <= there)
        return CLR_OK;
    return clr_fail(CLR_EMEMORY,
                    "--batch=%" PRId64 " --dim=%" PRId64
                    ": a rank needs %.1f GB, and %.1f GB are there for it (%s); give smaller ones or more nodes",
                    a->batch, a->dim, need * 1e-9, there * 1e-9, budget.by);
}

/* All embeddings (2G, D), first views first, on every rank; NULL after a failure. */
static clr_status rows_of(clr_comm *comm, settings *a, float **all)
{
    clr_h5 *file = NULL;
    int64_t shape[CLR_H5_RANK] = {2 * a->batch, a->dim}, sizes[2];
    clr_h5_type type;
    int rank = 2;
    clr_status st = CLR_OK;

    *all = NULL;
    if (a->input && clr_comm_rank(comm) == 0) {
        st = clr_h5_open(a->input, &file);
        if (st == CLR_OK)
            st = clr_h5_shape(file, "/z", &type, &rank, shape);
        if (st == CLR_OK && (rank != 2 || shape[0] % 2 || shape[0] < 4))
            st = clr_fail(CLR_EINPUT, "%s: /z must be (2N, D)", a->input);
    }
    st = clr_comm_agree(comm, st);
    if (st == CLR_OK) {
        sizes[0] = shape[0], sizes[1] = shape[1];
        clr_comm_broadcast(comm, sizes, sizeof sizes, 0);
        a->batch = sizes[0] / 2;
        a->dim = sizes[1];
        st = clr_comm_agree(comm, check_memory(comm, a));
    }
    if (st == CLR_OK) {
        *all = CLR_NEW(float, 2 * a->batch * a->dim);
        if (file)
            st = clr_h5_read(file, "/z", CLR_H5_F32, 2 * a->batch * a->dim, *all);
        else if (clr_comm_rank(comm) == 0) {
            clr_rng rng = clr_rng_for(1, 0, 0, 0, CLR_RNG_BENCH);
            for (int64_t i = 0; i < 2 * a->batch * a->dim; i++)
                (*all)[i] = (float)clr_rng_normal(&rng);
        }
        st = clr_comm_agree(comm, st);
    }
    clr_h5_close(file);
    if (st == CLR_OK)
        clr_comm_broadcast(comm, *all, 2 * a->batch * a->dim * (int64_t)sizeof(float), 0);
    return st;
}

static clr_status write_out(clr_comm *comm, const settings *a, const float *dz, int64_t first, int64_t mine)
{
    float *all = CLR_NEW(float, 2 * a->batch * a->dim);
    clr_h5 *file = NULL;
    clr_status st = CLR_OK;

    for (int view = 0; view < 2; view++)
        memcpy(all + (view * a->batch + first) * a->dim, dz + view * mine * a->dim,
               (size_t)(mine * a->dim) * sizeof *all);
    clr_comm_allreduce_sum(comm, all, 2 * a->batch * a->dim);
    if (clr_comm_rank(comm) == 0 && (st = clr_h5_create(a->output, &file)) == CLR_OK) {
        st = clr_h5_write(file, "/dz", CLR_H5_F32, 2, (int64_t[]){2 * a->batch, a->dim}, all);
        st = clr_h5_end(file, st);
    }
    clr_free(all);
    return clr_comm_agree(comm, st);
}

static clr_status run(clr_comm *comm, void *config, const clr_opt_set *set)
{
    settings *a = config;
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm);
    float *all = NULL, *z = NULL, *dz = NULL;
    clr_objective *loss = NULL;
    clr_objective_result result = {0};
    double best = 1e300;

    clr_status st = clr_comm_agree(comm, check_options(a, set));
    if (st != CLR_OK)
        return st;
    int threads = clr_comm_threads(comm, a->threads);
    st = clr_comm_agree(comm, a->output && rank == 0 ? clr_output_check(a->output, a->force) : CLR_OK);
    if (st == CLR_OK)
        st = rows_of(comm, a, &all);
    if (st != CLR_OK)
        return st;
    int64_t first = clr_share(a->batch, ranks, rank), mine = clr_share(a->batch, ranks, rank + 1) - first;
    z = CLR_NEW(float, 2 * mine * a->dim);
    dz = CLR_NEW(float, 2 * mine * a->dim);
    for (int view = 0; view < 2; view++)
        memcpy(z + view * mine * a->dim, all + (view * a->batch + first) * a->dim, (size_t)(mine * a->dim) * sizeof *z);
    clr_free(all);
    uint64_t before = clr_memory_peak();
    st = clr_comm_agree(comm, clr_loss_new(comm, &a->loss, a->batch, (int)a->dim, &loss));
    for (int64_t i = 0; i < a->steps && st == CLR_OK; i++) {
        clr_comm_barrier(comm);
        double begin = clr_seconds();
        const clr_objective_rows rows = {.x = z, .n = (int)(2 * mine), .first = true};
        st = clr_comm_agree(comm, clr_objective_apply(loss, &rows, dz, &result));
        double seconds = clr_seconds() - begin;
        best = seconds < best ? seconds : best;
    }
    double extra = (double)(clr_memory_peak() - before) / 1048576;
    if (st == CLR_OK && a->output)
        st = write_out(comm, a, dz, first, mine);
    if (st == CLR_OK) {
        clr_comm_allreduce_max_double(comm, &best, 1);
        clr_comm_allreduce_max_double(comm, &extra, 1);
        if (rank == 0)
            printf("bench=loss batch=%" PRId64 " dim=%" PRId64
                   " ranks=%d threads=%d loss=%.6f seconds=%.4f extra_mb=%.0f\n",
                   a->batch, a->dim, ranks, threads, result.loss, best, extra);
    }
    clr_objective_free(loss);
    clr_free(z);
    clr_free(dz);
    return st;
}

const clr_command clr_command_bench_loss = {.name = "bench loss",
                                            .arguments = "",
                                            .help = "times the contrastive loss, value and gradient",
                                            .example = "simclr bench loss --batch=8192 --dim=128",
                                            .options = options,
                                            .config_bytes = sizeof(settings),
                                            .run = run};
