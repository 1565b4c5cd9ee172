/* SPDX-License-Identifier: BSD-3-Clause */
/* bench step: whole training steps on random views: forward, loss, backward, reduce, update. */
#include "clr/augment.h"
#include "clr/cmd.h"
#include "clr/isa.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/loss.h"
#include "clr/step.h"
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef double peak_flops(long rounds);
CLR_KERNEL_DECLARE(peak_flops, clr_peak_flops);

typedef clr_bench_step_config settings;

#define AT(field) offsetof(settings, field)
static const clr_opt own[] = {{"views", CLR_OPT_LONG, AT(views), "128", "N", 4, 1 << 24, NULL, 0,
                               "images through the encoder in a step, all ranks"},
                              {0}};
static const clr_opt_part options[] = {{clr_encoder_options, AT(encoder), "arch = resnet18\nstem = cifar\n"},
                                       {clr_image_size_option, AT(encoder.size), "image-size = 32\n"},
                                       {clr_channels_option, AT(encoder.channels), NULL},
                                       {own, 0, NULL},
                                       {clr_threads_option, AT(threads), NULL},
                                       {clr_steps_option, AT(steps), "steps = 5\n"},
                                       {clr_microbatch_option, AT(microbatch), NULL},
                                       {clr_dtype_option, AT(encoder.dtype), NULL},
                                       {clr_plan_option, AT(plan), NULL},
                                       {0}};

static double peak_gflops(void)
{
    double begin, flops = 0;
    peak_flops *run = CLR_KERNEL_PICK(clr_peak_flops);

    run(1000000);
    begin = clr_seconds();
#pragma omp parallel reduction(+ : flops)
    flops += run(20000000);
    return flops / (clr_seconds() - begin) * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void table(const clr_encoder_times *t, const clr_step_result *step)
{
    static const char *const kinds[] = {"stem", "3x3 stride 1", "3x3 stride 2", "1x1"}, *const directions[] = {
                                                                                            "forward", "data gradient",
                                                                                            "weight gradient"};

    printf("%-16s %12s %14s %16s\n", "seconds", directions[0], directions[1], directions[2]);
    for (int k = 0; k < 4; k++)
        printf("%-16s %12.4f %14.4f %16.4f\n", kinds[k], t->conv[0][k], t->conv[1][k], t->conv[2][k]);
    printf("norms %.4f  residuals %.4f  pools %.4f  head %.4f  batch norm messages %.4f  loss %.4f  reduce, exposed "
           "%.4f  update %.4f\n",
           t->norm, t->residual, t->pool, t->linear, t->batch_norm_comm, step->loss_seconds + step->gather,
           step->exposed, step->update);
}

static const clr_optim_config optim = {.kind = CLR_OPTIM_sgd, .momentum = 0.9};

typedef struct parts {
    clr_planner *planner;
    clr_encoder *encoder;
    clr_optim *optim;
    clr_objective *objective;
    clr_step *step;
    clr_params params;
} parts;

/* Collective. Memory: weights, gradients, momenta, activations, workspace, views, and that of loss and step. */
static clr_status check_memory(clr_comm *comm, const settings *a, const clr_encoder_config *config,
                               const clr_split *split, clr_planner *planner)
{
    int64_t pixels = (int64_t)config->size * config->size * config->channels;
    clr_encoder_needs network;
    clr_status st = clr_encoder_memory(comm, planner, config, &network);

    if (st != CLR_OK)
        return st;
    double slots = clr_optim_slots_of(optim.kind) * (double)network.params / 2;
    double need = (double)network.params + slots + (double)(network.stored + network.workspace) +
                  (double)(CLR_VIEWS * (int64_t)split->mine * pixels) * sizeof(float) +
                  (double)clr_loss_bytes(split->images, split->mine, network.outputs) +
                  (double)clr_step_bytes(split, pixels, network.outputs, 0);
    const clr_budget budget = clr_memory_budget(clr_comm_node_size(comm));
    if (need > (double)budget.bytes)
        st = clr_fail(
            CLR_EMEMORY,
            "--views=%" PRId64
            ": a rank needs %.3f GB, and %.3f GB are there for it (%s); give fewer views, --microbatch or --recompute",
            a->views, need * 1e-9, (double)budget.bytes * 1e-9, budget.by);
    return clr_comm_agree(comm, st);
}

static clr_status build(clr_comm *comm, const settings *a, const clr_split *split, parts *b)
{
    const clr_loss_config loss = {.temperature = 0.1, .l2norm = true};
    clr_encoder_config config = a->encoder;
    clr_status st = clr_planner_open(comm, a->plan, NULL, &b->planner);

    config.head = CLR_HEAD_NONLINEAR;
    config.head_layers = 2;
    config.head_dim = 128;
    config.views = CLR_VIEWS * split->most;
    config.training = true;
    if (st == CLR_OK)
        st = check_memory(comm, a, &config, split, b->planner);
    if (st == CLR_OK)
        st = clr_encoder_new(comm, b->planner, &config, &b->params, &b->encoder);
    if (st != CLR_OK)
        return st;
    clr_params_open(&b->params);
    clr_params_init(&b->params, 1);
    b->optim = clr_optim_new(&optim, clr_encoder_params(b->encoder));
    st = clr_loss_new(comm, &loss, split->images, config.head_dim, &b->objective);
    const clr_step_parts with = {b->encoder, b->objective, NULL, b->optim};
    return st == CLR_OK
               ? clr_step_new(comm, &with, split, (int64_t)config.size * config.size * config.channels, &b->step)
               : st;
}

/* Collective. Rank 0 prints the table and the line for programs. */
static void report(clr_comm *comm, const clr_opt_set *set, const parts *b, const clr_bench_rate *t, double peak,
                   const clr_step_result *result)
{
    const settings *a = set->into;
    const clr_encoder_config *e = &a->encoder;
    double memory = (double)clr_memory_peak() / 1048576;
    double gflops = t->flops * (double)a->views / t->median * 1e-9;

    clr_comm_allreduce_sum_double(comm, &peak, 1);
    clr_comm_allreduce_max_double(comm, &memory, 1);
    if (clr_comm_rank(comm) != 0)
        return;
    table(clr_encoder_times_of(b->encoder), result);
    printf("%.1f GFLOP/s counted as direct convolutions: %.0f %% of the %.1f that multiply-adds reach here\n", gflops,
           100 * gflops / peak, peak);
    printf("bench=step arch=%s width=%g stem=%s size=%d channels=%d views=%" PRId64 " ranks=%d threads=%d dtype=%s ",
           clr_opt_value(set, "arch"), e->width, clr_opt_value(set, "stem"), e->size, e->channels, a->views,
           clr_comm_size(comm), t->threads, clr_dtype_name(e->dtype));
    printf("recompute=%d microbatch=%" PRId64 " plan=%s isa=%s views_per_s=%.2f views_per_s_best=%.2f gflops=%.1f ",
           e->recompute, a->microbatch, a->plan, clr_isa_name(clr_isa_current()), (double)a->views / t->median,
           (double)a->views / t->best, gflops);
    printf("peak_gflops=%.1f step_s=%.4f exposed_s=%.5f bn_comm_s=%.5f loss=%.6f peak_rss_mb=%.0f\n", peak, t->median,
           result->exposed, result->bn_comm, result->loss.loss, memory);
}

static void close_parts(parts *b)
{
    clr_step_free(b->step);
    clr_objective_free(b->objective);
    clr_optim_free(b->optim);
    clr_encoder_free(b->encoder);
    clr_params_close(&b->params);
    clr_planner_close(b->planner);
}

/* Collective; status agreed upon. Builds the parts, which stay the caller's, and times steps. */
static clr_status measure(clr_comm *comm, const settings *a, parts *b, clr_bench_rate *rate, clr_step_result *result)
{
    const clr_encoder_config *e = &a->encoder;
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm);
    char views[64];

    snprintf(views, sizeof views, "half of --views=%" PRId64, a->views);
    clr_status st = clr_split_check(a->views / 2, a->microbatch, ranks, views);
    if (a->views % 2)
        st = clr_fail(CLR_EUSAGE, "--views=%" PRId64 ": must be even: an image has two", a->views);
    if ((st = clr_comm_agree(comm, st)) != CLR_OK)
        return st;
    const clr_split split = clr_split_of(a->views / 2, a->microbatch, ranks, rank);
    int64_t floats = CLR_VIEWS * (int64_t)split.mine * e->size * e->size * e->channels;
    st = clr_comm_agree(comm, build(comm, a, &split, b));
    if (st != CLR_OK)
        return st;
    float *x = CLR_NEW(float, floats);
    double *seconds = CLR_NEW(double, a->steps);
    clr_rng rng = clr_rng_for(1, 0, (uint64_t)rank, 0, CLR_RNG_BENCH);
    for (int64_t i = 0; i < floats; i++)
        x[i] = (float)clr_rng_uniform(&rng);
    for (int64_t i = -2; i < a->steps && st == CLR_OK; i++) {
        clr_comm_barrier(comm);
        double begin = clr_seconds();
        st = clr_step_run(b->step, x, NULL, 0.01, i + 2, 0, result);
        if (i >= 0)
            seconds[i] = clr_seconds() - begin;
    }
    if (st == CLR_OK) {
        clr_comm_allreduce_max_double(comm, seconds, a->steps);
        qsort(seconds, (size_t)a->steps, sizeof *seconds, by_value);
        rate->median = seconds[a->steps / 2];
        rate->best = seconds[0];
        rate->flops = clr_encoder_flops(b->encoder);
    }
    clr_free(x);
    clr_free(seconds);
    return st;
}

clr_status clr_bench_step_rate(clr_comm *comm, const clr_bench_step_config *config, clr_bench_rate *rate)
{
    clr_step_result result = {0};
    parts b = {0};

    rate->threads = clr_comm_threads(comm, config->threads);
    clr_status st = measure(comm, config, &b, rate, &result);
    close_parts(&b);
    return st;
}

static clr_status run(clr_comm *comm, void *config, const clr_opt_set *set)
{
    const settings *a = config;
    clr_step_result result = {0};
    clr_bench_rate rate = {.threads = clr_comm_threads(comm, a->threads)};
    double peak = peak_gflops();
    parts b = {0};
    clr_status st = measure(comm, a, &b, &rate, &result);

    if (st == CLR_OK)
        report(comm, set, &b, &rate, peak, &result);
    close_parts(&b);
    return st;
}

const clr_command clr_command_bench_step = {
    .name = "bench step",
    .arguments = "",
    .help = "times whole training steps on this machine",
    .example = "simclr bench step --arch=resnet50 --stem=imagenet --image-size=224 --views=16",
    .options = options,
    .config_bytes = sizeof(settings),
    .run = run};
