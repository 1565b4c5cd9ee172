/* SPDX-License-Identifier: BSD-3-Clause */
/* embed: the features of a dataset by a checkpoint, as HDF5: /h (n, features), /z (n, outputs), /labels, /classes,
   /names. */
#include "clr/augment.h"
#include "clr/cmd.h"
#include "clr/features.h"
#include "clr/pretrained.h"
#include "clr/h5.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/watchdog.h"

#include <stdio.h>
#include <string.h>

typedef struct config {
    const char *checkpoint, *data, *output;
    bool force;
    int64_t threads;
    double watchdog;
} config;

#define AT(field) offsetof(config, field)
static const clr_opt own[] = {
    {"output", CLR_OPT_TEXT, AT(output), NULL, "OUT.h5", 0, 0, NULL, 0, "where the features go"}, {0}};
static const clr_opt_part options[] = {{clr_checkpoint_option, AT(checkpoint), NULL},
                                       {clr_data_option, AT(data), NULL},
                                       {own, 0, NULL},
                                       {clr_force_option, AT(force), NULL},
                                       {clr_threads_option, AT(threads), NULL},
                                       {clr_watchdog_option, AT(watchdog), NULL},
                                       {0}};

/* The names of all images; free_names takes what there is. */
static clr_status read_names(clr_store *store, char **names)
{
    int64_t n = clr_store_info_of(store)->images;
    clr_status st = CLR_OK;

    for (int64_t i = 0; i < n && st == CLR_OK; i++)
        st = clr_store_name(store, i, &names[i]);
    return st;
}

static void free_names(char **names, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        clr_free(names[i]);
    clr_free(names);
}

static clr_status write_matrix(clr_h5 *file, const char *name, const clr_features *f)
{
    return clr_h5_write(file, name, CLR_H5_F32, 2, (int64_t[]){f->rows, f->dim}, f->h);
}

/* Rank 0. */
static clr_status write_file(const config *c, const clr_pretrained *pretrained, clr_store *store, const clr_features *h,
                             const clr_features *z)
{
    const clr_store_info *info = clr_store_info_of(store);
    char **names = CLR_NEW(char *, info->images);
    clr_h5 *file = NULL;
    clr_status st = read_names(store, names); /* takes the lock itself */

    clr_h5_lock();
    if (st == CLR_OK)
        st = clr_h5_create(c->output, &file);
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "format", "simclr features 1");
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "checkpoint", pretrained->path);
    if (st == CLR_OK)
        st = clr_h5_set_int(file, "step", pretrained->meta.step);
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "data", c->data);
    if (st == CLR_OK)
        st = write_matrix(file, "/h", h);
    if (st == CLR_OK)
        st = write_matrix(file, "/z", z);
    if (st == CLR_OK && info->classes)
        st = clr_h5_write(file, "/labels", CLR_H5_I32, 1, &info->images, clr_store_labels(store));
    if (st == CLR_OK && info->classes)
        st = clr_h5_write_texts(file, "/classes", info->class_names, info->classes);
    if (st == CLR_OK)
        st = clr_h5_write_texts(file, "/names", (const char *const *)names, info->images);
    if (st == CLR_OK)
        st = clr_h5_commit(file);
    else
        clr_h5_discard(file);
    clr_h5_unlock();
    free_names(names, info->images);
    return st;
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const config *c = settings;
    clr_pretrained pretrained = {0};
    clr_store *store = NULL;
    clr_features h = {0}, z = {0};
    double began = clr_seconds();
    char input[CLR_AUGMENT_WORDS];
    (void)set;

    if (!c->checkpoint || !c->data || !c->output)
        return clr_comm_agree(comm, clr_fail(CLR_EUSAGE, "--%s is missing",
                                             !c->checkpoint ? "checkpoint"
                                             : !c->data     ? "data"
                                                            : "output"));
    clr_status st = clr_comm_rank(comm) == 0 ? clr_output_check(c->output, c->force) : CLR_OK;
    if (st == CLR_OK)
        st = clr_output_apart(c->output, c->data);
    if (st == CLR_OK)
        st = clr_output_apart(c->output, c->checkpoint);
    st = clr_comm_agree(comm, st);
    if (st != CLR_OK)
        return st;
    clr_comm_threads(comm, c->threads);
    if ((st = clr_pretrained_open(comm, c->checkpoint, CLR_FEATURES_BATCH, &pretrained)) != CLR_OK)
        goto out;
    st = clr_store_open(c->data, &store);
    if (st == CLR_OK && pretrained.channels == 1 && clr_store_info_of(store)->channels != 1)
        st = clr_fail(CLR_EINPUT, "%s: has colour images, and the network learned from gray ones", c->data);
    if ((st = clr_comm_agree(comm, st)) != CLR_OK)
        goto out;
    clr_augment_protocol(pretrained.config.encoder.size, pretrained.channels, input);
    if (clr_comm_rank(comm) == 0)
        printf("input: %s\n", input);
    st = clr_features_extract_both(comm, store, pretrained.encoder, pretrained.config.encoder.size, pretrained.channels,
                                   &h, &z);
    if (st != CLR_OK)
        goto out;
    clr_watch_phase("writing features", 0);
    if (clr_comm_rank(comm) == 0)
        st = write_file(c, &pretrained, store, &h, &z);
    else
        clr_watchdog_end(); /* rank 0 may write for long; its own watchdog checks that it makes progress */
    if ((st = clr_comm_agree(comm, st)) == CLR_OK && clr_comm_rank(comm) == 0)
        printf("embed images=%lld h=%d z=%d step=%lld seconds=%.1f checkpoint=%s out=%s\n", (long long)h.rows, h.dim,
               z.dim, (long long)pretrained.meta.step, clr_seconds() - began, pretrained.path, c->output);
out:
    clr_features_free(&h);
    clr_features_free(&z);
    clr_store_close(store);
    clr_pretrained_close(&pretrained);
    return st;
}

const clr_command clr_command_embed = {
    .name = "embed",
    .arguments = "",
    .help = "features of a dataset by a checkpoint, as HDF5 (/h, /z, /labels, /names)",
    .example = "simclr embed --checkpoint=runs/a --data=test.h5 --output=features.h5",
    .options = options,
    .config_bytes = sizeof(config),
    .run = run};
