/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory that a rank needs, computed before it is allocated. Only activations grow with the number of images
   encoded at a time. */
#include "pretraining.h"

#include "clr/allreduce.h"
#include "clr/log.h"
#include "clr/mem.h"

#include <inttypes.h>
#include <string.h>

enum { RUNTIME = 160 << 20 }; /* bytes of program, libraries and MPI's buffers */

typedef struct need {
    int64_t params; /* and gradients */
    int64_t model, activations, workspace, views, loss, program;
    int64_t resized; /* instead of views, if the images were packed with their shorter side at most `enough` */
    int enough;
} need;

static int64_t sum(const need *n)
{
    return n->model + n->activations + n->workspace + n->views + n->loss + n->program;
}

/* Collective. Uses a planner that estimates, even where the run's planner measures: measuring allocates whole
   tensors, which may not fit. */
static clr_status open_planner(const clr_pretraining *p, clr_planner **planner)
{
    const char *list = strchr(p->config->plan, ':');
    char *how = strncmp(p->config->plan, "measure", 7) ? clr_copy_text(p->config->plan)
                                                       : clr_text("estimate%s", list ? list : "");
    clr_status st = clr_planner_open(p->task.comm, how, NULL, planner);

    clr_free(how);
    return st;
}

/* Collective. */
static clr_status estimate(const clr_pretraining *p, const clr_encoder_config *encoder, need *n)
{
    const clr_pretrain_config *c = p->config;
    const clr_loader_config loader = clr_pretraining_loader(p);
    int64_t pixels = (int64_t)encoder->size * encoder->size * encoder->channels;
    clr_encoder_needs network;
    clr_planner *planner = NULL;
    clr_status st = clr_comm_agree(p->task.comm, open_planner(p, &planner));

    if (st == CLR_OK)
        st = clr_encoder_memory(p->task.comm, planner, encoder, &network);
    clr_planner_close(planner);
    if (st != CLR_OK)
        return st;
    if (c->online_probe && p->data) {
        const clr_softmax_config probe = clr_pretraining_probe(p, network.features);
        network.params += 2 * (int64_t)sizeof(float) * (probe.dim + 1) * probe.classes;
        n->loss = clr_softmax_bytes(&probe);
    }
    int64_t slots = clr_optim_slots_of(c->optim.kind) * network.params / 2;
    n->model = network.params + slots +
               clr_allreduce_bytes(p->task.comm, network.params / 2 / (int64_t)sizeof(float), c->wire) +
               (p->first ? network.params / 2 + slots : 0); /* rank 0 keeps the copy that is being saved */
    n->params = network.params;
    n->activations = network.stored;
    n->workspace = network.workspace;
    n->views = p->store ? clr_loader_bytes(p->store, &loader) : 0;
    n->loss += clr_loss_bytes(c->batch, p->split.mine, network.outputs) +
               clr_step_bytes(&p->split, pixels, network.outputs, c->online_probe ? network.features : 0);
    n->enough = clr_augment_enough(encoder->size);
    n->resized = p->store ? clr_loader_bytes_resized(p->store, &loader, n->enough) : 0;
    n->program = RUNTIME;
    return CLR_OK;
}

/* Where most of the memory is needed for photographs at full size, packing them smaller helps more than any setting
   of the network. */
static clr_status refuse_photographs(const clr_pretraining *p, const need *now, double there)
{
    double gib = 0x1p-30, total = (double)sum(now), saved = (double)(now->views - now->resized);
    bool fits = total - saved <= there;

    return clr_fail(
        CLR_EMEMORY,
        "a rank needs %.2f GiB and has %.2f, and %.2f are for images of up to %d x %d pixels, larger than views of %d "
        "need: pack them "
        "with --resize-shorter=%d, and about %.2f GiB are needed%s",
        total * gib, there * gib, saved * gib, p->data->max_width, p->data->max_height, p->config->encoder.size,
        now->enough, (total - saved) * gib,
        fits ? "" : ", for which more nodes, fewer ranks on a node, --recompute or a smaller --batch are wanted too");
}

/* Settings that would fit, for the message. lean: with --recompute. */
static clr_status refuse(const clr_pretraining *p, const need *now, const need *lean, const clr_budget *budget)
{
    double there = (double)budget->bytes, gib = 0x1p-30, total = (double)sum(now);
    int ranks = clr_comm_size(p->task.comm);
    double left = there - (double)(sum(now) - now->activations),
           left_lean = there - (double)(sum(lean) - lean->activations);
    int64_t fits = (int64_t)(left / ((double)now->activations / p->split.most)) * ranks;
    int64_t fits_lean = (int64_t)(left_lean / ((double)lean->activations / p->split.most)) * ranks;

    if (now->views - now->resized > sum(now) / 2)
        return refuse_photographs(p, now, there);
    if (!p->config->encoder.recompute && (double)sum(lean) <= there)
        return clr_fail(CLR_EMEMORY, "a rank needs %.2f GiB and has %.2f (%s): --recompute needs %.2f%s", total * gib,
                        there * gib, budget->by, (double)sum(lean) * gib,
                        fits >= 2 * ranks ? "; a --microbatch fits too" : "");
    if (fits >= 2 * ranks)
        return clr_fail(CLR_EMEMORY,
                        "a rank needs %.2f GiB and has %.2f (%s): --microbatch=%" PRId64 " fits, or more nodes",
                        total * gib, there * gib, budget->by, fits);
    if (fits_lean >= 2 * ranks)
        return clr_fail(CLR_EMEMORY,
                        "a rank needs %.2f GiB and has %.2f (%s): --recompute with --microbatch=%" PRId64
                        " fits, or more nodes",
                        total * gib, there * gib, budget->by, fits_lean);
    return clr_fail(CLR_EMEMORY,
                    "a rank needs %.2f GiB and has %.2f (%s): use fewer ranks on a node, more nodes, a smaller --batch "
                    "or a smaller network",
                    total * gib, there * gib, budget->by);
}

clr_status clr_pretraining_memory(const clr_pretraining *p, double gibs[2])
{
    need now = {0}, lean = {0};
    clr_comm *comm = p->task.comm;
    clr_encoder_config encoder = clr_pretraining_encoder(p);
    const clr_budget budget = clr_memory_budget(clr_comm_node_size(comm));
    double gib = 0x1p-30, there = (double)budget.bytes, lacks;

    clr_status st = clr_comm_agree(comm, estimate(p, &encoder, &now));
    if (st != CLR_OK)
        return st;
    if (!p->task.silent || gibs)
        clr_info("memory of a rank: %.2f GiB (weights, gradients, momenta and their copy for saving %.2f, activations "
                 "%.2f, workspace %.2f, views %.2f, loss and microbatch %.2f, program %.2f) of %.2f GiB there (%s)",
                 (double)sum(&now) * gib, (double)now.model * gib, (double)now.activations * gib,
                 (double)now.workspace * gib, (double)now.views * gib, (double)now.loss * gib,
                 (double)now.program * gib, there * gib, budget.by);
    if (gibs)
        gibs[0] = (double)sum(&now) * gib, gibs[1] = there * gib;
    lacks = (double)sum(&now) > there;
    clr_comm_allreduce_max_double(comm, &lacks, 1);
    if (lacks == 0)
        return CLR_OK;
    encoder.recompute = true;
    st = clr_comm_agree(comm, estimate(p, &encoder, &lean));
    if (st != CLR_OK)
        return st;
    return clr_comm_agree(comm, (double)sum(&now) > there ? refuse(p, &now, &lean, &budget) : CLR_OK);
}

clr_status clr_pretrain_needs(clr_comm *comm, const clr_pretrain_config *c, const clr_opt_set *options, double *needed,
                              double *there)
{
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm);
    clr_pretraining p = {.task = {.comm = comm, .options = options}, .config = c, .channels = 3, .first = rank == 0};
    double gibs[2] = {0};
    clr_status st = clr_opt_known(options, "allow-change");

    if (st == CLR_OK)
        st = clr_pretraining_check(c, options, NULL, ranks);
    if (st == CLR_OK && c->data)
        st = clr_store_open(c->data, &p.store);
    if (st == CLR_OK && p.store) {
        p.data = clr_store_info_of(p.store);
        p.channels = p.data->channels == 1 ? 1 : 3;
        st = clr_pretraining_check(c, options, p.data, ranks);
    }
    st = clr_comm_agree(comm, st);
    if (st == CLR_OK) {
        p.split = clr_split_of(c->batch, c->microbatch, ranks, rank);
        st = clr_pretraining_memory(&p, gibs);
    }
    *needed = gibs[0];
    *there = gibs[1];
    clr_store_close(p.store);
    return st;
}

clr_status clr_pretrain_sizes_on(clr_comm *comm, const clr_pretrain_config *c, int ranks, clr_pretrain_sizes *sizes)
{
    clr_pretraining p = {.task = {.comm = comm}, .config = c, .channels = 3, .first = true};
    const clr_budget budget = clr_memory_budget(clr_comm_node_size(comm));
    need plain = {0}, lean = {0};
    clr_encoder_config encoder;

    p.split = clr_split_of(c->batch, c->microbatch, ranks, 0);
    encoder = clr_pretraining_encoder(&p);
    clr_status st = clr_comm_agree(comm, estimate(&p, &encoder, &plain));
    encoder.recompute = true;
    if (st == CLR_OK)
        st = clr_comm_agree(comm, estimate(&p, &encoder, &lean));
    if (st != CLR_OK)
        return st;
    double params = (double)plain.params / 2, slots = clr_optim_slots_of(c->optim.kind) * params;
    *sizes = (clr_pretrain_sizes){(double)sum(&plain) * 0x1p-30, (double)sum(&lean) * 0x1p-30,
                                  (double)budget.bytes * 0x1p-30, params, params + slots};
    return CLR_OK;
}
