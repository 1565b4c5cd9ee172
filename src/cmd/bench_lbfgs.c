/* SPDX-License-Identifier: BSD-3-Clause */
/* bench lbfgs: logistic regression at its optimum, all l2 strengths, on made features that are correlated and not
   negative, as an encoder's are. */
#include "clr/cmd.h"
#include "clr/evaluate.h"
#include "clr/gemm.h"
#include "clr/h5.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/rng.h"
#include "clr/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { LATENT = 64 }; /* dimensions that the features are mixed from, with sizes that fall */

typedef struct settings {
    int64_t rows, dim, classes, strengths, iterations, threads;
    const char *output;
    bool force;
} settings;

#define AT(field) offsetof(settings, field)
static const clr_opt own[] = {
    {"rows", CLR_OPT_LONG, AT(rows), "50000", "N", 20, 1 << 26, NULL, 0, "training rows; a fifth as many for the test"},
    {"dim", CLR_OPT_LONG, AT(dim), "2048", "D", 1, 1 << 16, NULL, 0, "features"},
    {"classes", CLR_OPT_LONG, AT(classes), "10", "K", 2, 10000, NULL, 0, "of the labels"},
    {"strengths", CLR_OPT_LONG, AT(strengths), "45", "N", 1, 1000, NULL, 0, "l2 strengths from 1e-6 to 1e5"},
    {"iterations", CLR_OPT_LONG, AT(iterations), "1000", "N", 1, 1e6, NULL, 0, "the most for one strength"},
    {"output", CLR_OPT_TEXT, AT(output), NULL, "FILE.h5", 0, 0, NULL, 0,
     "/h, /labels, /test_h, /test_labels go there, for another solver"},
    {0}};
static const clr_opt_part options[] = {
    {own, 0, NULL}, {clr_threads_option, AT(threads), NULL}, {clr_force_option, AT(force), NULL}, {0}};

/* h = max(0, z A), z: LATENT normal numbers around the class's centre, and noise of every feature's own. */
static clr_features make(const settings *a, int64_t rows, uint64_t seed, const float *mix)
{
    clr_features f = {rows, (int)a->dim, CLR_NEW(float, rows * a->dim), NULL, (int)a->classes};
    int32_t *labels = CLR_NEW(int32_t, rows);

#pragma omp parallel for schedule(dynamic, 64)
    for (int64_t r = 0; r < rows; r++) {
        float z[LATENT], *h = f.h + r * a->dim;
        labels[r] = (int32_t)(r % a->classes);
        clr_rng rng = clr_rng_for(seed, 0, (uint64_t)r, 0, CLR_RNG_BENCH),
                centre = clr_rng_for(1, 0, (uint64_t)labels[r], 1, CLR_RNG_BENCH);
        for (int j = 0; j < LATENT; j++)
            z[j] = (float)((0.3 * clr_rng_normal(&centre) + clr_rng_normal(&rng)) / sqrt(1 + j));
        for (int64_t i = 0; i < a->dim; i++)
            h[i] = 0.1f * (float)clr_rng_normal(&rng);
        clr_gemm(false, false, 1, a->dim, LATENT, 1, z, LATENT, mix, a->dim, 1, h, a->dim);
        for (int64_t i = 0; i < a->dim; i++)
            h[i] = h[i] > 0 ? h[i] : 0;
    }
    f.labels = labels;
    return f;
}

static clr_status write_out(const settings *a, const clr_features *train, const clr_features *test)
{
    clr_h5 *file = NULL;
    clr_status st = clr_h5_create(a->output, &file);

    if (st == CLR_OK)
        st = clr_h5_write(file, "/h", CLR_H5_F32, 2, (int64_t[]){train->rows, train->dim}, train->h);
    if (st == CLR_OK)
        st = clr_h5_write(file, "/labels", CLR_H5_I32, 1, &train->rows, train->labels);
    if (st == CLR_OK)
        st = clr_h5_write(file, "/test_h", CLR_H5_F32, 2, (int64_t[]){test->rows, test->dim}, test->h);
    if (st == CLR_OK)
        st = clr_h5_write(file, "/test_labels", CLR_H5_I32, 1, &test->rows, test->labels);
    return clr_h5_end(file, st);
}

static clr_status check(clr_comm *comm, const settings *a)
{
    double need = 4.0 * 1.2 * (double)a->rows * (double)a->dim;
    const clr_budget budget = clr_memory_budget(clr_comm_node_size(comm));

    if (a->force && !a->output)
        return clr_fail(CLR_EUSAGE, "--force has no effect here: it needs --output");
    if (need > 0.8 * (double)budget.bytes)
        return clr_fail(CLR_EMEMORY,
                        "--rows=%" PRId64 " --dim=%" PRId64 ": a rank needs %.1f GB, and %.1f GB are there for it (%s)",
                        a->rows, a->dim, need * 1e-9, 0.8e-9 * (double)budget.bytes, budget.by);
    return a->output && clr_comm_rank(comm) == 0 ? clr_output_check(a->output, a->force) : CLR_OK;
}

static clr_status run(clr_comm *comm, void *config, const clr_opt_set *set)
{
    const settings *a = config;
    const clr_lbfgs_config how = {1e-6, 1e5, a->strengths, a->iterations, 1};
    clr_lbfgs_result result;

    (void)set;
    int threads = clr_comm_threads(comm, a->threads);
    clr_status st = clr_comm_agree(comm, check(comm, a));
    if (st != CLR_OK)
        return st;
    float *mix = CLR_NEW(float, LATENT * a->dim);
    clr_rng rng = clr_rng_for(2, 0, 0, 0, CLR_RNG_BENCH);
    for (int64_t i = 0; i < LATENT * a->dim; i++)
        mix[i] = (float)clr_rng_normal(&rng);
    clr_features train = make(a, a->rows, 3, mix), test = make(a, a->rows / 5, 4, mix);
    clr_free(mix);
    if (a->output)
        st = clr_comm_agree(comm, clr_comm_rank(comm) == 0 ? write_out(a, &train, &test) : CLR_OK);
    clr_comm_barrier(comm);
    double begin = clr_seconds();
    if (st == CLR_OK)
        st = clr_lbfgs_probe(comm, &train, &test, &how, &result);
    double seconds = clr_seconds() - begin;
    if (st == CLR_OK && clr_comm_rank(comm) == 0)
        printf("bench=lbfgs rows=%" PRId64 " dim=%" PRId64 " classes=%" PRId64 " strengths=%" PRId64
               " ranks=%d threads=%d l2=%.4g loss=%.8f validation=%.2f top1=%.2f seconds=%.2f\n",
               a->rows, a->dim, a->classes, a->strengths, clr_comm_size(comm), threads, result.l2, result.loss,
               result.validation, result.test.top1, seconds);
    clr_free((void *)(uintptr_t)train.labels);
    clr_free((void *)(uintptr_t)test.labels);
    clr_free(train.h);
    clr_free(test.h);
    return st;
}

const clr_command clr_command_bench_lbfgs = {.name = "bench lbfgs",
                                             .arguments = "",
                                             .help = "times logistic regression at its optimum over l2 strengths",
                                             .example = "simclr bench lbfgs --rows=50000 --dim=2048 --classes=10",
                                             .options = options,
                                             .config_bytes = sizeof(settings),
                                             .run = run};
