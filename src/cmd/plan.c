/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor --plan=NODES: the paper's runs on NODES nodes like this one, from rates measured here. With r the views a
   second of this node, P ranks, G bytes of gradient and N images a batch, of each step

     compute  2N / (r NODES)                        the arithmetic of a view is the same wherever it is done
     network  2 (P - 1) / P G / b                   a ring sums the gradient; b: bytes a second between two nodes
            + 2N dim 4 / b                          every rank gets the embeddings of all
     loss     t (N / L)^2 Q / P                     t: of L images on the Q ranks that are here

   and the network is counted as if nothing of it were hidden behind the backward pass, most of which is. */
#include "bench.h"
#include "clr/loss.h"
#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/comm.h"
#include "clr/store.h"
#include "clr/tensor.h"
#include "doctor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum {
    VIEWS = 16 /* of a rank in the measurement */,
    STEPS = 3,
    LOSS = 2048 /* images */,
    BLOCK = 4 << 20 /* bytes that doctor summed */
};

static const int64_t batches[] = {4096, 8192};
static const double lengths[] = {100, 1000};

/* What everything follows from. */
typedef struct basis {
    int nodes, ranks;   /* of the plan */
    double cores;       /* of a node */
    double views_per_s; /* of this node */
    double loss_s;      /* of LOSS images, `here` ranks */
    int here;
    double flops_per_s;   /* of a rank */
    double link;          /* bytes a second between two nodes */
    bool linked;          /* that was measured */
    double images, bytes; /* of the dataset; of an image in it */
    int dim;              /* of z */
} basis;

/* Collective; status agreed upon. Seconds of the loss of LOSS images over the ranks that are here, the best of few. */
static clr_status measure_loss(clr_comm *comm, const clr_pretrain_config *c, int dim, double *best)
{
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm);
    int64_t mine = clr_share(LOSS, ranks, rank + 1) - clr_share(LOSS, ranks, rank), floats = CLR_VIEWS * mine * dim;
    float *z = CLR_NEW(float, floats + 1), *dz = CLR_NEW(float, floats + 1);
    clr_rng rng = clr_rng_for(1, 0, (uint64_t)rank, 0, CLR_RNG_BENCH);
    clr_objective *loss = NULL;
    clr_objective_result result;
    clr_status st = clr_comm_agree(comm, clr_loss_new(comm, &c->loss, LOSS, dim, &loss));

    for (int64_t i = 0; i < floats; i++)
        z[i] = (float)clr_rng_normal(&rng);
    *best = INFINITY;
    for (int i = 0; i < STEPS && st == CLR_OK; i++) {
        const clr_objective_rows rows = {.x = z, .n = (int)(CLR_VIEWS * mine), .first = true};
        clr_comm_barrier(comm);
        double begin = clr_seconds();
        st = clr_comm_agree(comm, clr_objective_apply(loss, &rows, dz, &result));
        *best = fmin(*best, clr_seconds() - begin);
    }
    clr_comm_allreduce_max_double(comm, best, 1);
    clr_objective_free(loss);
    clr_free(z);
    clr_free(dz);
    return st;
}

/* Collective; status agreed upon. */
static clr_status measure(clr_comm *comm, const clr_pretrain_config *c, const clr_doctor_seen *seen, basis *b)
{
    int ranks = clr_comm_size(comm), here = clr_comm_nodes(comm);
    const clr_bench_step_config config = {
        .encoder = c->encoder, .views = VIEWS * ranks, .threads = c->run.threads, .steps = STEPS, .plan = "estimate"};
    clr_bench_step_config wanted = config;
    clr_bench_rate rate;

    wanted.encoder.channels = 3;
    clr_status st = clr_bench_step_rate(comm, &wanted, &rate);
    if (st != CLR_OK)
        return st;
    double all = (double)wanted.views / rate.median;
    b->views_per_s = all / here;
    b->flops_per_s = all * rate.flops / ranks;
    b->cores = (double)ranks / here * rate.threads;
    b->ranks = b->nodes * (ranks / here);
    b->linked = here > 1;
    b->link = b->linked ? 2.0 * (ranks - 1) / ranks * BLOCK / seen->network : 1.25e9;
    b->dim = c->encoder.head == CLR_HEAD_NONE ? 2048 : (int)c->encoder.head_dim;
    b->here = ranks;
    return measure_loss(comm, c, b->dim, &b->loss_s);
}

static void say_basis(const basis *b, const clr_pretrain_config *c, const clr_pretrain_sizes *sizes)
{
    printf("\nfor %d node%s like this one: %d ranks, %.0f cores\n", b->nodes, b->nodes == 1 ? "" : "s", b->ranks,
           b->nodes * b->cores);
    printf("  measured here: %.2f views/s a node (steps of this network on views of %d x %d, %d a rank), %.1f GFLOP/s "
           "a rank\n",
           b->views_per_s, c->encoder.size, c->encoder.size, VIEWS, b->flops_per_s * 1e-9);
    printf("  link between nodes: %.2f GB/s, %s\n", b->link * 1e-9,
           b->linked ? "measured" : "ASSUMED (10 Gbit/s): start doctor on two nodes to measure it");
    printf("  gradient: %.1f MB; checkpoint: %.1f MB\n", sizes->gradient * 1e-6, sizes->checkpoint * 1e-6);
    printf("  dataset: %.0f images (%s), %.0f kB each as pixels\n\n", b->images,
           c->data ? "of --data" : "ImageNet's training set", b->bytes * 1e-3);
}

/* The line of a table and the arithmetic of one run. */
static void say_run(const basis *b, const clr_pretrain_config *c, double epochs, const clr_pretrain_sizes *sizes)
{
    double n = (double)c->batch, p = b->ranks, steps = floor(epochs * b->images / n), cores = b->nodes * b->cores;
    double compute = 2 * n / (b->views_per_s * b->nodes);
    double ring = p > 1 ? 2 * (p - 1) / p * sizes->gradient / b->link : 0,
           gather = p > 1 ? 2 * n * b->dim * 4 / b->link : 0;
    double loss = b->loss_s * (n / LOSS) * (n / LOSS) * b->here / p, step = compute + ring + gather + loss;
    double hours = steps * step / 3600, share = (ring + gather) / step;
    double storage = b->images * b->bytes + ((double)c->run.keep + 1) * sizes->checkpoint + steps * 300;

    printf("batch %.0f, %.0f epochs\n", n, epochs);
    printf("  steps    %.0f epochs x %.0f images / %.0f = %.0f\n", epochs, b->images, n, steps);
    printf("  compute  2 x %.0f views / (%.2f views/s x %d nodes) = %.2f s a step\n", n, b->views_per_s, b->nodes,
           compute);
    printf("  network  2 x %.0f/%.0f x %.1f MB / %.2f GB/s + %.0f x %d x 4 bytes / %.2f GB/s = %.3f s a step, %.1f %% "
           "of it if "
           "nothing is hidden\n",
           p - 1, p, sizes->gradient * 1e-6, b->link * 1e-9, 2 * n, b->dim, b->link * 1e-9, ring + gather, 100 * share);
    printf("  loss     %.4f s of %d images on %d rank%s x (%.0f / %d)^2 x %d / %.0f = %.3f s a step\n", b->loss_s, LOSS,
           b->here, b->here == 1 ? "" : "s", n, LOSS, b->here, p, loss);
    printf("  time     %.0f x %.2f s = %.1f hours; x %.0f cores = %.0f core-hours\n", steps, step, hours, cores,
           hours * cores);
    printf("  memory   %.1f GiB a rank, %.1f with --recompute, of %.1f there%s\n", sizes->rank, sizes->lean,
           sizes->there,
           sizes->rank <= sizes->there   ? ""
           : sizes->lean <= sizes->there ? ": --recompute is needed, one more forward pass, about a third more time"
                                         : ": MORE NODES, fewer ranks on a node or --microbatch are needed");
    printf("  storage  %.0f images x %.0f kB + %" PRId64
           " checkpoints x %.1f MB + %.0f rows x 300 bytes = %.0f GB; read %.1f MB/s a node\n",
           b->images, b->bytes * 1e-3, c->run.keep + 1, sizes->checkpoint * 1e-6, steps, storage * 1e-9,
           n * b->bytes / step / b->nodes * 1e-6);
    printf("plan nodes=%d ranks=%d batch=%.0f epochs=%.0f steps=%.0f step_s=%.3f hours=%.2f core_hours=%.1f "
           "memory_gib=%.2f "
           "memory_recompute_gib=%.2f storage_gb=%.1f network_share=%.4f views_per_s=%.2f\n\n",
           b->nodes, b->ranks, n, epochs, steps, step, hours, hours * cores, sizes->rank, sizes->lean, storage * 1e-9,
           share, b->views_per_s * b->nodes);
}

clr_status clr_doctor_plan(clr_comm *comm, const clr_pretrain_config *config, const clr_doctor_seen *seen, int nodes)
{
    clr_pretrain_config c = *config;
    /* ImageNet as pack --resize-shorter=256 leaves it: sides of 256 and, in the mean, 341 */
    basis b = {.nodes = nodes, .images = 1281167, .bytes = 256 * 341 * 3};
    clr_store *store = NULL;
    clr_pretrain_sizes sizes;
    clr_status st = CLR_OK;

    c.plan = "estimate";
    if (c.data)
        st = clr_store_open(c.data, &store);
    if (st == CLR_OK && store) {
        const clr_store_info *info = clr_store_info_of(store);
        b.images = (double)info->images;
        b.bytes = (info->height ? (double)info->height * info->width
                                : (double)clr_store_side(store) * clr_store_side(store) * 4 / 3) *
                  (info->channels == 1 ? 1 : 3);
    }
    clr_store_close(store);
    st = clr_comm_agree(comm, st);
    if (st == CLR_OK)
        st = measure(comm, &c, seen, &b);
    for (size_t i = 0; i < CLR_COUNT(batches) && st == CLR_OK; i++) {
        c.batch = batches[i];
        if (c.batch < 2 * (int64_t)b.ranks)
            continue;
        st = clr_pretrain_sizes_on(comm, &c, b.ranks, &sizes);
        if (st == CLR_OK && clr_comm_rank(comm) == 0 && i == 0)
            say_basis(&b, &c, &sizes);
        for (size_t j = 0; j < CLR_COUNT(lengths) && st == CLR_OK && clr_comm_rank(comm) == 0; j++)
            say_run(&b, &c, lengths[j], &sizes);
    }
    return st;
}
