/* SPDX-License-Identifier: BSD-3-Clause */
/* embed: the features of a dataset by a checkpoint, as a file of one of several forms. */
#include "clr/augment.h"
#include "clr/cmd.h"
#include "clr/features.h"
#include "clr/pretrained.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/watchdog.h"
#include "embed_files.h"

#include <stdio.h>
#include <string.h>

typedef struct config {
    const char *checkpoint, *data, *output;
    int features; /* a tap, or BOTH */
    bool force;
    int64_t threads;
    double watchdog;
} config;

enum { BOTH = -2 }; /* h and z */

static clr_status parse_features(const char *text, void *field)
{
    *(int *)field = BOTH;
    return text ? clr_tap_parse("features", text, true, field) : CLR_OK;
}

#define AT(field) offsetof(config, field)
static const clr_opt own[] = {
    {"output", CLR_OPT_TEXT, AT(output), NULL, "OUT.h5|OUT.npy|OUT.csv", 0, 0, NULL, 0,
     "where the features go: HDF5, a NumPy array of fp32 with its rows' names in OUT.tsv, or a comma-separated table"},
    {"features", CLR_OPT_PARSED, AT(features), NULL, "h|head1|head2|...|z", 0, 0, NULL, 0,
     "h: the encoder's output; head1, ...: behind a layer of the projection head; z: its output; default: h; for "
     "HDF5: h and z",
     parse_features},
    {0}};
static const clr_opt_part options[] = {{clr_checkpoint_option, AT(checkpoint), NULL},
                                       {clr_data_option, AT(data), NULL},
                                       {own, 0, NULL},
                                       {clr_force_option, AT(force), NULL},
                                       {clr_threads_option, AT(threads), NULL},
                                       {clr_watchdog_option, AT(watchdog), NULL},
                                       {0}};

static clr_status check_files(const config *c, const clr_embed_form *form)
{
    clr_status st = clr_output_check(c->output, c->force);

    if (st == CLR_OK && form->beside) {
        char *beside = form->beside(c->output);
        st = clr_output_check(beside, c->force);
        clr_free(beside);
    }
    if (st == CLR_OK)
        st = clr_output_apart(c->output, c->data);
    return st == CLR_OK ? clr_output_apart(c->output, c->checkpoint) : st;
}

/* Collective; status agreed upon. The features that are wanted. */
static clr_status extract(clr_comm *comm, const clr_pretrained *f, int tap, clr_embedded *e, clr_features matrix[2])
{
    const clr_features_source from = {e->store, f->encoder, f->config.encoder.size, f->channels, NULL};

    if (tap == BOTH)
        return clr_features_extract_both(comm, &from, &matrix[0], &matrix[1]);
    return clr_features_extract(comm, &from, tap == CLR_TAP_H ? 'h' : 'z', &matrix[0]);
}

static clr_status embed(clr_comm *comm, const config *c, const clr_pretrained *f, const clr_embed_form *form,
                        clr_embedded *e)
{
    int tap = c->features == BOTH && form->most == 1 ? CLR_TAP_H : c->features;
    char input[CLR_AUGMENT_WORDS], name[CLR_TAP_NAME];
    clr_features matrix[2] = {{0}};

    clr_augment_protocol(f->config.encoder.size, f->channels, input);
    if (clr_comm_rank(comm) == 0)
        printf("input: %s\n", input);
    clr_status st = extract(comm, f, tap, e, matrix);
    e->name[0] = tap == BOTH ? "h" : clr_tap_name(tap, name);
    e->name[1] = "z";
    e->features[0] = &matrix[0], e->features[1] = &matrix[1];
    e->matrices = tap == BOTH ? 2 : 1;
    if (st == CLR_OK) {
        clr_watch_phase("writing features", 0);
        if (clr_comm_rank(comm) == 0)
            st = form->write(e);
        else
            clr_watchdog_end(); /* rank 0 may write for long; its own watchdog checks that it makes progress */
        st = clr_comm_agree(comm, st);
    }
    if (st == CLR_OK && clr_comm_rank(comm) == 0) {
        printf("embed images=%lld", (long long)matrix[0].rows);
        for (int i = 0; i < e->matrices; i++)
            printf(" %s=%d", e->name[i], matrix[i].dim);
    }
    clr_features_free(&matrix[0]);
    clr_features_free(&matrix[1]);
    return st;
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const config *c = settings;
    clr_pretrained pretrained = {0};
    clr_store *store = NULL;
    double began = clr_seconds();
    (void)set;

    if (!c->checkpoint || !c->data || !c->output)
        return clr_comm_agree(comm, clr_fail(CLR_EUSAGE, "--%s is missing",
                                             !c->checkpoint ? "checkpoint"
                                             : !c->data     ? "data"
                                                            : "output"));
    const clr_embed_form *form = clr_embed_form_of(c->output);
    clr_status st = clr_comm_agree(comm, clr_comm_rank(comm) ? CLR_OK : check_files(c, form));
    if (st != CLR_OK)
        return st;
    clr_comm_threads(comm, c->threads);
    st = clr_pretrained_open_at(comm, c->checkpoint, CLR_FEATURES_BATCH, c->features, &pretrained);
    if (st != CLR_OK)
        goto out;
    st = clr_store_open(c->data, &store);
    if (st == CLR_OK && pretrained.channels == 1 && clr_store_info_of(store)->channels != 1)
        st = clr_fail(CLR_EINPUT, "%s: has colour images, and the network learned from gray ones", c->data);
    if ((st = clr_comm_agree(comm, st)) != CLR_OK)
        goto out;
    clr_embedded e = {.path = c->output,
                      .data = c->data,
                      .checkpoint = pretrained.path,
                      .step = pretrained.meta.step,
                      .store = store};
    st = embed(comm, c, &pretrained, form, &e);
    if (st == CLR_OK && clr_comm_rank(comm) == 0)
        printf(" step=%lld seconds=%.1f checkpoint=%s out=%s\n", (long long)e.step, clr_seconds() - began, e.checkpoint,
               e.path);
out:
    clr_store_close(store);
    clr_pretrained_close(&pretrained);
    return st;
}

const clr_command clr_command_embed = {
    .name = "embed",
    .arguments = "",
    .help = "features of a dataset by a checkpoint, as HDF5 (/h, /z, /labels, /names), NPY or CSV",
    .example = "simclr embed --checkpoint=runs/a --data=test.h5 --output=features.h5",
    .options = options,
    .config_bytes = sizeof(config),
    .run = run};
