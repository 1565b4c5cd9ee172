/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_BENCH_H
#define CLR_BENCH_H
/* What benchmarks have in common. */
#include "clr/encoder.h"
#include "clr/opt.h"

extern const clr_opt clr_steps_option[];    /* --steps, into an int64_t */
extern const clr_opt clr_channels_option[]; /* --channels, into an int */

/* bench step. Whole training steps on random views. */
typedef struct clr_bench_step_config {
    clr_encoder_config encoder; /* without head, views, training */
    int64_t views, threads, steps, microbatch;
    const char *plan;
} clr_bench_step_config;

typedef struct clr_bench_rate {
    int threads;         /* of this rank */
    double median, best; /* seconds of a step over all ranks */
    double flops;        /* of a view, counted as direct convolutions, forward and backward */
} clr_bench_rate;

/* Collective; status agreed upon. CLR_EMEMORY where it does not fit. */
clr_status clr_bench_step_rate(clr_comm *comm, const clr_bench_step_config *config, clr_bench_rate *rate);

#endif
