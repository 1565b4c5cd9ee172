/* SPDX-License-Identifier: BSD-3-Clause */
/* neighbours: a sheet of queries, each in a row with the images whose features are nearest to its own. */
#include "clr/augment.h"
#include "clr/cmd.h"
#include "clr/features.h"
#include "clr/h5.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/pretrained.h"
#include "clr/sampler.h"
#include "clr/sheet.h"
#include "clr/tensor.h"
#include "clr/watchdog.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct config {
    const char *checkpoint, *embedded, *data;
    int64_t queries, k, seed, threads;
    int size;
    bool force;
    double watchdog;
} config;

#define AT(field) offsetof(config, field)
static const clr_opt own[] = {
    {"embedded", CLR_OPT_TEXT, AT(embedded), NULL, "FEATURES.h5", 0, 0, NULL, 0,
     "features of --data as simclr embed wrote them, instead of --checkpoint"},
    {"queries", CLR_OPT_LONG, AT(queries), "16", "N", 1, 400, NULL, 0, "images whose neighbours are shown"},
    {"k", CLR_OPT_LONG, AT(k), "8", "N", 1, 40, NULL, 0, "neighbours of each, the nearest first"},
    {"size", CLR_OPT_INT, AT(size), "64", "PIXELS", 8, 512, NULL, 0, "side of a picture on the sheet"},
    {0}};
static const clr_opt_part options[] = {{clr_checkpoint_option, AT(checkpoint), NULL},
                                       {clr_data_option, AT(data), NULL},
                                       {own, 0, NULL},
                                       {clr_seed_option, AT(seed), NULL},
                                       {clr_force_option, AT(force), NULL},
                                       {clr_threads_option, AT(threads), NULL},
                                       {clr_watchdog_option, AT(watchdog), NULL},
                                       {0}};

typedef struct work {
    clr_comm *comm;
    const config *config;
    clr_store *store;
    clr_features features;
    clr_sheet sheet;
    int64_t same, compared; /* neighbours of the query's class, and all; with labels */
} work;

/* The features that embed wrote. Every rank reads them, though rank 0 alone draws. */
static clr_status load(work *w)
{
    const char *path = w->config->embedded;
    int64_t shape[CLR_H5_RANK] = {0}, images = clr_store_info_of(w->store)->images;
    clr_h5 *file = NULL;
    clr_h5_type type;
    int rank = 0;

    clr_h5_lock();
    clr_status st = clr_h5_open(path, &file);
    if (st == CLR_OK)
        st = clr_h5_shape(file, "/h", &type, &rank, shape);
    if (st == CLR_OK && (rank != 2 || type != CLR_H5_F32 || shape[0] != images || shape[1] < 1))
        st = clr_fail(CLR_EINPUT, "%s: /h is no matrix of float32 with a row for each of the %lld images of %s", path,
                      (long long)images, w->config->data);
    if (st == CLR_OK) {
        w->features = (clr_features){.rows = images, .dim = (int)shape[1]};
        st = clr_h5_load(file, "/h", CLR_H5_F32, shape[0] * shape[1], &w->features.h);
    }
    st = clr_h5_finish(file, st);
    clr_h5_unlock();
    return st;
}

static clr_status extract(work *w)
{
    clr_pretrained pretrained = {0};
    clr_status st = clr_pretrained_open(w->comm, w->config->checkpoint, CLR_FEATURES_BATCH, &pretrained);

    if (st == CLR_OK) {
        if (pretrained.channels == 1 && clr_store_info_of(w->store)->channels != 1)
            st = clr_fail(CLR_EINPUT, "%s: has colour images, and the network learned from gray ones", w->config->data);
        st = clr_comm_agree(w->comm, st);
    }
    if (st == CLR_OK) {
        const clr_features_source from = {w->store, pretrained.encoder, pretrained.config.encoder.size,
                                          pretrained.channels, NULL};
        st = clr_features_extract(w->comm, &from, 'h', &w->features);
    }
    clr_pretrained_close(&pretrained);
    return st;
}

static double dot(const float *a, const float *b, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* The k images, but the query itself, of largest cosine; of equal ones the earlier. */
static void nearest(const clr_features *f, int64_t query, int k, int64_t *id, double *best)
{
    const float *q = f->h + query * f->dim;
    int have = 0;

    for (int64_t i = 0; i < f->rows; i++) {
        const float *row = f->h + i * f->dim;
        if (i == query)
            continue;
        double size = sqrt(dot(row, row, f->dim)), s = size > 0 ? dot(q, row, f->dim) / size : -INFINITY;
        if (have == k && s <= best[k - 1])
            continue;
        int at = have < k ? have++ : k - 1;
        for (; at > 0 && best[at - 1] < s; at--)
            best[at] = best[at - 1], id[at] = id[at - 1];
        best[at] = s, id[at] = i;
    }
}

static clr_status draw_one(work *w, int64_t cell, int part, int64_t id)
{
    const clr_augment none = {0};
    const clr_store_info *info = clr_store_info_of(w->store);
    int channels = w->sheet.image.channels, size = w->sheet.size;
    void *bytes = clr_alloc((size_t)clr_store_bytes(w->store, &id, 1), 1);
    clr_image image;
    clr_status st = clr_store_read(w->store, &id, 1, channels, bytes, &image);

    if (st == CLR_OK) {
        float *scratch = CLR_NEW(float, clr_augment_floats(info->max_pixels, info->max_width, channels, size)),
              *picture = CLR_NEW(float, (int64_t)size *size *channels);
        clr_augment_apply(&none, &image, size, 0, 0, 0, 0, scratch, picture);
        clr_sheet_put(&w->sheet, cell, part, picture);
        clr_free(picture);
        clr_free(scratch);
    }
    clr_free(bytes);
    clr_alive();
    return st;
}

/* Rank 0. */
static clr_status draw(work *w, const char *out, int64_t queries, int k)
{
    const clr_store_info *info = clr_store_info_of(w->store);
    const clr_sampler sampler = {(uint64_t)w->config->seed, info->images, queries};
    const int32_t *labels = clr_store_labels(w->store);
    int64_t *id = CLR_NEW(int64_t, k);
    double *best = CLR_NEW(double, k);
    clr_status st = CLR_OK;

    w->sheet = clr_sheet_of(queries, 1, 1 + k, w->config->size, info->channels == 1 ? 1 : 3);
    clr_sheet_open(&w->sheet);
    for (int64_t i = 0; i < queries && st == CLR_OK; i++) {
        int64_t query = clr_sampler_at(&sampler, 0, i);
        nearest(&w->features, query, k, id, best);
        st = draw_one(w, i, 0, query);
        for (int j = 0; j < k && st == CLR_OK; j++) {
            w->compared += labels != NULL;
            w->same += labels && labels[id[j]] == labels[query];
            st = draw_one(w, i, 1 + j, id[j]);
        }
    }
    if (st == CLR_OK)
        st = clr_image_write_png(out, &w->sheet.image);
    clr_image_free(&w->sheet.image);
    clr_free(best);
    clr_free(id);
    return st;
}

static clr_status check(const config *c, const char *out)
{
    if (!c->data)
        return clr_fail(CLR_EUSAGE, "--data is missing: a dataset made by simclr pack");
    if (!c->checkpoint == !c->embedded)
        return clr_fail(CLR_EUSAGE, "give --checkpoint or --embedded: whose features are compared");
    clr_status st = clr_output_check(out, c->force);
    return st == CLR_OK ? clr_output_apart(out, c->data) : st;
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const config *c = settings;
    const char *out = set->argument[0];
    work w = {.comm = comm, .config = c};
    int64_t queries = 0;
    int k = 0;

    clr_comm_threads(comm, c->threads);
    clr_status st = clr_comm_agree(comm, clr_comm_rank(comm) ? CLR_OK : check(c, out));
    if (st == CLR_OK)
        st = clr_comm_agree(comm, clr_store_open(c->data, &w.store));
    if (st == CLR_OK && clr_store_info_of(w.store)->images < 2)
        st = clr_fail(CLR_EINPUT, "%s: has one image, which has no neighbours", c->data);
    if (st == CLR_OK)
        st = c->embedded ? clr_comm_agree(comm, load(&w)) : extract(&w);
    if (st == CLR_OK) {
        queries = clr_min64(c->queries, w.features.rows);
        k = (int)clr_min64(c->k, w.features.rows - 1);
        clr_watch_phase("drawing neighbours", 0);
        st = clr_comm_agree(comm, clr_comm_rank(comm) ? CLR_OK : draw(&w, out, queries, k));
    }
    if (st == CLR_OK && clr_comm_rank(comm) == 0) {
        printf("neighbours queries=%lld k=%d images=%lld", (long long)queries, k, (long long)w.features.rows);
        if (w.compared)
            printf(" same_class=%.2f", 100 * (double)w.same / (double)w.compared);
        printf(" out=%s\n", out);
    }
    clr_features_free(&w.features);
    clr_store_close(w.store);
    return st;
}

const clr_command clr_command_neighbours = {
    .name = "neighbours",
    .arguments = "OUT.png",
    .help = "a sheet of images, each in a row with the images whose features are nearest",
    .example = "simclr neighbours --checkpoint=runs/a --data=train.h5 neighbours.png",
    .options = options,
    .config_bytes = sizeof(config),
    .least = 1,
    .most = 1,
    .run = run};
