/* SPDX-License-Identifier: BSD-3-Clause */
/* The speed of pretraining on this machine, from a few steps that change nothing. */
#include "pretraining.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/watchdog.h"

static const double LONG_ENOUGH = 4; /* seconds of steps */
enum { LEAST = 3, MOST = 30, IGNORED = 2 /* first steps: memory is touched and plans are made there */ };

/* Collective; status agreed upon. */
static clr_status time_steps(clr_pretraining *p, double *seconds)
{
    clr_step_result result;
    clr_batch batch = {0};
    double begin = 0, passed = 0;
    clr_status st = CLR_OK;
    int64_t n = -IGNORED;

    for (; st == CLR_OK && n < MOST && (n < LEAST || passed < LONG_ENOUGH); n++) {
        if (n == 0)
            begin = clr_seconds();
        clr_alive();
        st = clr_comm_agree(p->task.comm, clr_loader_next(p->loader, n + IGNORED, &batch));
        for (int i = 0; st == CLR_OK && p->labels && i < p->split.mine; i++)
            p->labels[i] = clr_store_labels(p->store)[batch.ids[i]];
        if (st == CLR_OK)
            st = clr_step_run(p->step, batch.views, p->labels, 0, n + IGNORED, 0, &result);
        passed = n >= 0 ? clr_seconds() - begin : 0;
        clr_comm_allreduce_max_double(p->task.comm, &passed, 1);
    }
    *seconds = n > 0 ? passed / (double)n : 0;
    return st;
}

clr_status clr_pretraining_measure(clr_comm *comm, const clr_pretrain_config *config, const clr_opt_set *options,
                                   double *seconds)
{
    const clr_task_kind *kind = &clr_task_pretrain;
    clr_pretraining *p = clr_alloc(1, kind->bytes);
    const clr_ckpt_meta none = {0};

    p->task = (clr_task){.kind = kind, .config = config, .options = options, .comm = comm};
    p->task.threads = clr_comm_threads(comm, config->run.threads);
    clr_watchdog_start(config->run.watchdog, clr_comm_rank(comm), clr_comm_host(comm));
    clr_status st = kind->prepare(&p->task);
    if (st == CLR_OK)
        st = kind->open(&p->task, &none);
    if (st == CLR_OK)
        st = time_steps(p, seconds);
    kind->close(&p->task);
    clr_watchdog_end();
    clr_free(p);
    return st;
}
