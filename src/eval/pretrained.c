/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads a checkpoint into a network in inference mode. Rank 0 reads the file and broadcasts it. */
#include "clr/pretrained.h"

#include "clr/augment.h"

#include "clr/h5.h"
#include "clr/kind.h"
#include "clr/mem.h"
#include "clr/tensor.h"
#include "clr/watchdog.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

const clr_opt clr_checkpoint_option[] = {{"checkpoint", CLR_OPT_TEXT, 0, NULL, "FILE|RUN_DIR", 0, 0, NULL, 0,
                                          "a checkpoint, or a run (its newest checkpoint)"},
                                         {0}};

static clr_status look(const char *path, struct stat *attributes, bool *there)
{
    *there = !stat(path, attributes);
    return *there || errno == ENOENT ? CLR_OK : clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
}

/* On one rank: the checkpoint that `where` means. */
static clr_status resolve(const char *where, char **path)
{
    struct stat attributes;
    bool there, inside;

    *path = NULL;
    clr_status st = look(where, &attributes, &there);
    if (st != CLR_OK)
        return st;
    if (!there)
        return clr_fail(CLR_EIO, "%s: %s", where, strerror(ENOENT));
    if (!S_ISDIR(attributes.st_mode)) {
        *path = clr_copy_text(where);
        return clr_kind_check(where, false);
    }
    char *folder = clr_text("%s/checkpoints", where);
    st = look(folder, &attributes, &inside);
    if (st == CLR_OK)
        st = clr_ckpt_newest(inside ? folder : where, path);
    clr_free(folder);
    return st != CLR_OK || *path
               ? st
               : clr_fail(CLR_EINPUT, "%s: holds no checkpoint; give a run directory or a checkpoint", where);
}

/* One rank's text on all. */
static void share_text(clr_comm *comm, char **text)
{
    int64_t bytes = *text ? (int64_t)strlen(*text) + 1 : 0;

    clr_comm_broadcast(comm, &bytes, sizeof bytes, 0);
    if (clr_comm_rank(comm))
        *text = CLR_NEW(char, bytes);
    clr_comm_broadcast(comm, *text, bytes, 0);
}

/* RUN of RUN/checkpoints/step-....h5. */
static char *run_of(const char *path)
{
    static const char folder[] = "checkpoints";
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0, m = sizeof folder - 1;

    if (n < m || strncmp(slash - m, folder, m) || (n > m && slash[-(ptrdiff_t)m - 1] != '/'))
        return NULL;
    return n == m ? clr_copy_text(".") : clr_text("%.*s", (int)(n - m - 1), path);
}

/* Channels are the second dimension of the first convolution; head: linear layers of the head. */
static clr_status look_once(const char *path, int *channels, int *head)
{
    static const char name[] = "/model/encoder/conv1.weight";
    int64_t shape[CLR_H5_RANK] = {0};
    clr_h5 *file = NULL;

    clr_h5_lock();
    clr_status st = clr_h5_open(path, &file);
    if (st == CLR_OK)
        st = clr_h5_shape(file, name, NULL, NULL, shape);
    for (*head = 0; st == CLR_OK; ++*head) {
        char layer[32];
        snprintf(layer, sizeof layer, "/model/head/%d.weight", 3 * *head);
        if (!clr_h5_has(file, layer))
            break;
    }
    st = clr_h5_finish(file, st);
    clr_h5_unlock();
    if (st == CLR_OK && shape[1] != 1 && shape[1] != 3)
        st = clr_fail(CLR_EINPUT, "%s: %s is made for %lld channels; 1 and 3 are known", path, name,
                      (long long)shape[1]);
    *channels = st == CLR_OK ? (int)shape[1] : 0;
    return st;
}

static clr_status look_into(const char *path, int *channels, int *head)
{
    clr_status st;
    int tries = 0;

    do
        st = look_once(path, channels, head);
    while (clr_h5_again(st, &tries));
    return st;
}

/* Collective. What the file says of itself. */
static clr_status read_meta(clr_comm *comm, clr_pretrained *f)
{
    clr_status st = CLR_OK;

    if (clr_comm_rank(comm) == 0)
        st = clr_ckpt_read_meta(f->path, &f->meta);
    if (st == CLR_OK && clr_comm_rank(comm) == 0)
        st = look_into(f->path, &f->channels, &f->head_layers);
    if ((st = clr_comm_agree(comm, st)) != CLR_OK)
        return st;
    clr_comm_broadcast(comm, &f->meta.step, sizeof f->meta.step, 0);
    clr_comm_broadcast(comm, &f->meta.epoch, sizeof f->meta.epoch, 0);
    clr_comm_broadcast(comm, &f->meta.seed, sizeof f->meta.seed, 0);
    clr_comm_broadcast(comm, &f->channels, sizeof f->channels, 0);
    clr_comm_broadcast(comm, &f->head_layers, sizeof f->head_layers, 0);
    share_text(comm, &f->meta.config);
    share_text(comm, &f->meta.version);
    return CLR_OK;
}

#define AT(field) offsetof(clr_pretrained_config, field)
static const clr_opt own[] = {{"augment", CLR_OPT_TEXT, AT(augment), "none", "LIST", 0, 0, NULL, 0, ""}, {0}};
static const clr_opt_part options[] = {{clr_encoder_options, AT(encoder), NULL},
                                       {clr_image_size_option, AT(encoder.size), NULL},
                                       {clr_head_options, AT(encoder), NULL},
                                       {clr_plan_option, AT(plan), NULL},
                                       {own, 0, NULL},
                                       {0}};

/* A preset's level passes over options that this version does not know. */
static clr_status read_config(clr_pretrained *f)
{
    clr_opt_open(&f->options, options, &f->config);
    clr_status st = clr_opt_read_text(&f->options, f->meta.config, f->path, CLR_OPT_PRESET);
    if (st == CLR_OK)
        st = clr_opt_finish(&f->options);
    if (clr_opt_given(&f->options, "head") == CLR_OPT_DEFAULT) { /* supervised training: what it kept of the head */
        f->config.encoder.head = f->head_layers ? CLR_HEAD_NONLINEAR : CLR_HEAD_NONE;
        f->config.encoder.head_layers = f->head_layers;
        f->config.encoder.head_relu = f->head_layers > 0;
    }
    return st;
}

/* Collective. */
static clr_status read_weights(clr_comm *comm, const char *path, clr_params *params)
{
    clr_state state = clr_state_of(params, NULL);
    clr_status st = clr_comm_agree(comm, clr_comm_rank(comm) ? CLR_OK : clr_ckpt_read(path, &state));

    clr_state_free(&state);
    if (st != CLR_OK)
        return st;
    clr_comm_broadcast(comm, params->value, params->weights.floats * (int64_t)sizeof *params->value, 0);
    clr_comm_broadcast(comm, params->state, params->states.floats * (int64_t)sizeof *params->state, 0);
    clr_comm_broadcast(comm, &params->batches, sizeof params->batches, 0);
    return CLR_OK;
}

/* Solvers are chosen by estimate here: the list of those allowed stays. */
static clr_status open_planner(clr_comm *comm, clr_pretrained *f)
{
    const char *list = f->config.plan ? strchr(f->config.plan, ':') : NULL;
    char *how = clr_text("estimate%s", list ? list : "");
    clr_status st = clr_planner_open(comm, how, NULL, &f->planner);

    clr_free(how);
    return st;
}

/* Collective. The network is as large as the file's config says: that is a claim, too. */
static clr_status open_encoder(clr_comm *comm, int views, clr_pretrained *f)
{
    clr_encoder_config config = f->config.encoder;
    const clr_budget budget = clr_memory_budget(clr_comm_node_size(comm));
    clr_encoder_needs needs;

    config.channels = f->channels;
    config.views = views;
    clr_status st = clr_encoder_memory(comm, f->planner, &config, &needs);
    double need = st != CLR_OK ? 0
                               : (double)needs.params * (clr_comm_rank(comm) ? 1 : 2) + (double)needs.stored +
                                     (double)needs.workspace; /* rank 0 reads into a copy */
    if (st == CLR_OK && need > (double)budget.bytes)
        st = clr_fail(CLR_EMEMORY,
                      "%s: the network that its config describes needs %.3f GB on a rank, and %.3f GB are there (%s); "
                      "start fewer ranks a node",
                      f->path, need * 1e-9, (double)budget.bytes * 1e-9, budget.by);
    st = clr_comm_agree(comm, st);
    if (st == CLR_OK)
        st = clr_comm_agree(comm, clr_encoder_new(comm, f->planner, &config, &f->params, &f->encoder));
    if (st == CLR_OK)
        clr_params_open(&f->params);
    return st;
}

clr_status clr_pretrained_describe(clr_comm *comm, const char *where, clr_pretrained *f)
{
    *f = (clr_pretrained){0};
    clr_watch_phase("reading a checkpoint", 0);
    clr_status st = clr_comm_agree(comm, clr_comm_rank(comm) ? CLR_OK : resolve(where, &f->path));
    if (st != CLR_OK)
        return st;
    share_text(comm, &f->path);
    f->run = run_of(f->path);
    st = read_meta(comm, f);
    return st == CLR_OK ? clr_comm_agree(comm, read_config(f)) : st;
}

clr_status clr_pretrained_open(clr_comm *comm, const char *where, int views, clr_pretrained *f)
{
    clr_status st = clr_pretrained_describe(comm, where, f);

    if (st == CLR_OK)
        st = clr_comm_agree(comm, open_planner(comm, f));
    if (st == CLR_OK)
        st = open_encoder(comm, views, f);
    return st == CLR_OK ? read_weights(comm, f->path, clr_encoder_params(f->encoder)) : st;
}

void clr_pretrained_reset(clr_pretrained *f)
{
    clr_params_init(clr_encoder_params(f->encoder), f->meta.seed);
}

void clr_pretrained_close(clr_pretrained *f)
{
    clr_encoder_free(f->encoder);
    clr_params_close(&f->params);
    clr_planner_close(f->planner);
    if (f->options.table)
        clr_opt_close(&f->options);
    clr_ckpt_meta_free(&f->meta);
    clr_free(f->path);
    clr_free(f->run);
    *f = (clr_pretrained){0};
}
