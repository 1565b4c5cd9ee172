/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of a rank, known before it is taken. Activations grow with the images that are encoded at a time,
   nothing else does. */
#include "training.h"
#include "clr/run.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <inttypes.h>
#include <string.h>

enum {
    ADAMW = 2,
    RUNTIME = 160 << 20
}; /* the optimizer with two slots; bytes of program, libraries and MPI's buffers */

typedef struct need {
    int64_t model, activations, workspace, views, loss, program;
    int64_t resized; /* in the place of views, were the images packed with their shorter side at most enough */
    int enough;
} need;

static int64_t sum(const need *n)
{
    return n->model + n->activations + n->workspace + n->views + n->loss + n->program;
}

static int features(const clr_encoder_config *encoder)
{
    return (int)((encoder->depth >= 50 ? 2048 : 512) * encoder->width);
}

static int dim(const clr_encoder_config *encoder)
{
    return encoder->head == CLR_HEAD_NONE ? features(encoder) : encoder->head_dim;
}

clr_softmax_config clr_training_probe(const clr_training *t, int features)
{
    return (clr_softmax_config){"online", features, t->data->classes, t->views, CLR_VIEWS * t->config->batch, true};
}

/* Collective. By a planner that estimates even where the run's own measures: that is done on whole tensors, which
   may not fit. */
static clr_status open_planner(const clr_training *t, clr_planner **planner)
{
    const char *list = strchr(t->config->plan, ':');
    char *how = strncmp(t->config->plan, "measure", 7) ? clr_copy_text(t->config->plan)
                                                       : clr_text("estimate%s", list ? list : "");
    clr_status st = clr_planner_open(t->comm, how, NULL, planner);

    clr_free(how);
    return st;
}

/* Collective. */
static clr_status estimate(clr_training *t, const clr_encoder_config *encoder, const clr_loader_config *loader, need *n)
{
    const clr_config *c = t->config;
    int64_t bytes[3], pixels = (int64_t)encoder->size * encoder->size * encoder->channels;
    clr_planner *planner = NULL;
    clr_status st = clr_comm_agree(t->comm, open_planner(t, &planner));

    if (st == CLR_OK)
        st = clr_encoder_memory(t->comm, planner, encoder, bytes);
    clr_planner_close(planner);
    if (st != CLR_OK)
        return st;
    if (c->online_probe && t->data) {
        const clr_softmax_config probe = clr_training_probe(t, features(encoder));
        bytes[0] += 2 * (int64_t)sizeof(float) * (probe.dim + 1) * probe.classes;
        n->loss = clr_softmax_bytes(&probe);
    }
    int64_t slots = (c->optimizer == ADAMW ? 2 : 1) * bytes[0] / 2;
    n->model = bytes[0] + slots + (t->first ? bytes[0] / 2 + slots : 0); /* rank 0 keeps the copy that is being saved */
    n->activations = bytes[1];
    n->workspace = bytes[2];
    n->views = t->store ? clr_loader_bytes(t->store, loader) : 0;
    n->loss += clr_loss_bytes(c->batch, clr_training_share(t), dim(encoder)) +
               clr_step_bytes(c->batch, clr_comm_size(t->comm), c->microbatch, pixels, dim(encoder),
                              c->online_probe ? features(encoder) : 0);
    n->enough = clr_augment_enough(encoder->size);
    n->resized = t->store ? clr_loader_bytes_resized(t->store, loader, n->enough) : 0;
    n->program = RUNTIME;
    return CLR_OK;
}

/* Where photographs as they were decoded are most of the need, no setting of the network helps as much. */
static clr_status refuse_photographs(const clr_training *t, const need *now, double there)
{
    double gib = 0x1p-30, total = (double)sum(now), saved = (double)(now->views - now->resized);
    bool fits = total - saved <= there;

    return clr_fail(
        CLR_EMEMORY,
        "a rank needs %.2f GiB and has %.2f, and %.2f are for images of up to %d x %d pixels, larger than views of %d "
        "need: pack them "
        "with --resize-shorter=%d, and about %.2f GiB are needed%s",
        total * gib, there * gib, saved * gib, t->data->max_width, t->data->max_height, (int)t->config->image_size,
        now->enough, (total - saved) * gib,
        fits ? "" : ", for which more nodes, fewer ranks on a node, --recompute or a smaller --batch are wanted too");
}

/* Settings that would fit, for the message. lean: with --recompute. */
static clr_status refuse(const clr_training *t, const need *now, const need *lean, const clr_budget *budget)
{
    double there = (double)budget->bytes, gib = 0x1p-30, total = (double)sum(now);
    int ranks = clr_comm_size(t->comm);
    double left = there - (double)(sum(now) - now->activations),
           left_lean = there - (double)(sum(lean) - lean->activations);
    int64_t fits = (int64_t)(left / ((double)now->activations / (t->views / CLR_VIEWS))) * ranks;
    int64_t fits_lean = (int64_t)(left_lean / ((double)lean->activations / (t->views / CLR_VIEWS))) * ranks;

    if (now->views - now->resized > sum(now) / 2)
        return refuse_photographs(t, now, there);
    if (!t->config->recompute && (double)sum(lean) <= there)
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

clr_status clr_training_memory(clr_training *t, const clr_encoder_config *encoder, const clr_loader_config *loader,
                               double gibs[2])
{
    need now = {0}, lean = {0};
    clr_encoder_config with_recompute = *encoder;
    const clr_budget budget = clr_memory_budget(clr_comm_node_size(t->comm));
    double gib = 0x1p-30, there = (double)budget.bytes, lacks;

    clr_status st = clr_comm_agree(t->comm, estimate(t, encoder, loader, &now));
    if (st != CLR_OK)
        return st;
    clr_info("memory of a rank: %.2f GiB (weights, gradients, momenta and their copy for saving %.2f, activations "
             "%.2f, workspace %.2f, views %.2f, "
             "loss and microbatch %.2f, program %.2f) of %.2f GiB there (%s)",
             (double)sum(&now) * gib, (double)now.model * gib, (double)now.activations * gib,
             (double)now.workspace * gib, (double)now.views * gib, (double)now.loss * gib, (double)now.program * gib,
             there * gib, budget.by);
    if (gibs)
        gibs[0] = (double)sum(&now) * gib, gibs[1] = there * gib;
    lacks = (double)sum(&now) > there;
    clr_comm_allreduce_max_double(t->comm, &lacks, 1);
    if (lacks == 0)
        return CLR_OK;
    with_recompute.recompute = true;
    st = clr_comm_agree(t->comm, estimate(t, &with_recompute, loader, &lean));
    if (st != CLR_OK)
        return st;
    return clr_comm_agree(t->comm, (double)sum(&now) > there ? refuse(t, &now, &lean, &budget) : CLR_OK);
}

clr_status clr_run_needs(clr_comm *comm, const clr_config *c, const clr_opt_set *options, double *needed, double *there)
{
    clr_training t = {.comm = comm, .config = c, .options = options, .channels = 3, .first = clr_comm_rank(comm) == 0};
    clr_loader_config loader = {0};
    double gibs[2] = {0};
    clr_status st = clr_config_check(c, options, NULL, clr_comm_size(comm));

    if (st == CLR_OK && c->data)
        st = clr_store_open(c->data, &t.store);
    if (st == CLR_OK && t.store) {
        t.data = clr_store_info_of(t.store);
        t.channels = t.data->channels == 1 ? 1 : 3;
        st = clr_config_check(c, options, t.data, clr_comm_size(comm));
    }
    st = clr_comm_agree(comm, st);
    if (st == CLR_OK) {
        loader.count = clr_training_share(&t);
        loader.channels = t.channels;
        loader.size = (int)c->image_size;
        t.views = (int)clr_step_views(c->batch, clr_comm_size(comm), c->microbatch);
        clr_encoder_config encoder = clr_config_encoder(c, t.channels);
        encoder.views = t.views;
        encoder.training = true;
        st = clr_training_memory(&t, &encoder, &loader, gibs);
    }
    *needed = gibs[0];
    *there = gibs[1];
    clr_store_close(t.store);
    return st;
}
