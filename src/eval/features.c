/* SPDX-License-Identifier: BSD-3-Clause */
/* Features: every rank reads and encodes its share of the images, then all get all rows. */
#include "clr/features.h"

#include "clr/augment.h"
#include "clr/h5.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/tensor.h"
#include "clr/watchdog.h"

#include <math.h>
#include <omp.h>

enum { H, Z, KINDS };
enum { ROUND = 16 * CLR_FEATURES_BATCH }; /* images of a rank */

typedef struct extraction {
    clr_comm *comm;
    clr_features_source from;
    clr_features *out[KINDS]; /* NULL: not wanted; pixels are H's */
    float *mine[KINDS];       /* this rank's rows */
    float *x, *scratch;       /* (CLR_FEATURES_BATCH, size, size, channels), a piece a thread */
    int64_t first, rows, scratch_floats;
} extraction;

static clr_status check_rows(const extraction *e, const float *rows, int dim, int64_t first, int n)
{
    for (int64_t i = 0; i < (int64_t)n * dim; i++)
        if (!isfinite(rows[i]))
            return clr_fail(CLR_ENUMERIC, "%s: feature %d of image %lld is not a number", clr_store_path(e->from.store),
                            (int)(i % dim), (long long)(first + i / dim));
    return CLR_OK;
}

/* What the encoder gets of an image. */
static void prepare(const extraction *e, const clr_image *image, int64_t id, float *x)
{
    const clr_transformed *t = e->from.transformed;
    float *scratch = e->scratch + omp_get_thread_num() * e->scratch_floats;

    if (t)
        clr_augment_apply(&t->by->view[t->label[id]], image, e->from.size, t->seed, t->part, (uint64_t)id, 0, scratch,
                          x);
    else
        clr_augment_evaluate(image, e->from.size, scratch, x);
}

/* This rank's rows at .. at + n. */
static clr_status encode(const extraction *e, int64_t at, int n)
{
    int64_t ids[CLR_FEATURES_BATCH], pixels = (int64_t)e->from.size * e->from.size * e->from.channels;
    clr_image image[CLR_FEATURES_BATCH];
    float *row[KINDS];

    for (int i = 0; i < n; i++)
        ids[i] = e->first + at + i;
    for (int k = 0; k < KINDS; k++)
        row[k] = e->out[k] ? e->mine[k] + at * e->out[k]->dim : NULL;
    float *x = e->from.encoder ? e->x : row[H];
    void *buffer = clr_alloc((size_t)clr_store_bytes(e->from.store, ids, n), 1);
    int tries = 0;
    clr_status st;
    do
        st = clr_store_read(e->from.store, ids, n, e->from.channels, buffer, image);
    while (clr_h5_again(st, &tries));
    if (st == CLR_OK) {
#pragma omp parallel for schedule(static)
        for (int i = 0; i < n; i++)
            prepare(e, &image[i], ids[i], x + i * pixels);
    }
    clr_free(buffer);
    clr_alive();
    if (st == CLR_OK && e->from.encoder)
        clr_encoder_infer(e->from.encoder, x, n, row[H], row[Z]);
    for (int k = 0; k < KINDS && st == CLR_OK; k++)
        if (row[k])
            st = check_rows(e, row[k], e->out[k]->dim, ids[0], n);
    return st;
}

/* Bytes of this rank's largest batch of images and of the scratch for resizing them. */
static double working_bytes(const extraction *e)
{
    int64_t ids[CLR_FEATURES_BATCH], most = 0;

    for (int64_t at = 0; at < e->rows; at += CLR_FEATURES_BATCH) {
        int n = (int)clr_min64(CLR_FEATURES_BATCH, e->rows - at);
        for (int i = 0; i < n; i++)
            ids[i] = e->first + at + i;
        most = clr_max64(most, clr_store_bytes(e->from.store, ids, n));
    }
    return (double)most + (double)omp_get_max_threads() * (double)e->scratch_floats * sizeof(float);
}

static clr_status check_memory(const extraction *e)
{
    double floats = 0, photographs = working_bytes(e);
    const clr_budget budget = clr_memory_budget(clr_comm_node_size(e->comm));
    const clr_store_info *info = clr_store_info_of(e->from.store);
    int64_t images = info->images;

    for (int k = 0; k < KINDS; k++)
        if (e->out[k])
            floats += (double)e->out[k]->dim * ((double)images + (double)e->rows);
    if (floats * sizeof(float) + photographs < (double)budget.bytes)
        return CLR_OK;
    if (photographs > floats * sizeof(float))
        return clr_fail(CLR_EMEMORY,
                        "%s: images of up to %d x %d pixels take %.1f GB on every rank to be resized, and %.1f GB are "
                        "there for each (%s); pack "
                        "them with --resize-shorter=%d, or start fewer ranks a node",
                        clr_store_path(e->from.store), info->max_width, info->max_height, photographs * 1e-9,
                        (double)budget.bytes * 1e-9, budget.by, clr_augment_enough(e->from.size));
    return clr_fail(CLR_EMEMORY,
                    "%s: the features of %lld images take %.1f GB on every rank, and %.1f GB are there for each (%s); "
                    "start fewer ranks a node",
                    clr_store_path(e->from.store), (long long)images, floats * sizeof(float) * 1e-9,
                    (double)budget.bytes * 1e-9, budget.by);
}

/* All ranks' rows on all ranks. */
static void gather(extraction *e, int kind)
{
    clr_features *out = e->out[kind];
    int ranks = clr_comm_size(e->comm);
    int64_t *counts = CLR_NEW(int64_t, ranks);

    for (int r = 0; r < ranks; r++)
        counts[r] = (clr_share(out->rows, ranks, r + 1) - clr_share(out->rows, ranks, r)) * out->dim;
    out->h = CLR_NEW(float, out->rows * out->dim);
    clr_comm_allgatherv(e->comm, e->mine[kind], out->h, counts);
    clr_free(counts);
}

/* Works in rounds with a barrier after each, so that no rank gets so far ahead that its watchdog takes the others
   for hung. most: rows of the rank that has most. The status is agreed upon. */
static clr_status encode_all(extraction *e, int64_t most)
{
    clr_status st = CLR_OK;

    for (int64_t round = 0; st == CLR_OK && round < most; round += ROUND) {
        int64_t end = clr_min64(round + ROUND, e->rows);
        clr_watch_phase("extracting features", 0);
        for (int64_t at = round; st == CLR_OK && at < end; at += CLR_FEATURES_BATCH)
            st = encode(e, at, (int)clr_min64(CLR_FEATURES_BATCH, end - at));
        st = clr_comm_agree(e->comm, st);
    }
    return st;
}

static clr_status extract(extraction *e)
{
    const clr_store_info *info = clr_store_info_of(e->from.store);
    const clr_transformed *t = e->from.transformed;
    int ranks = clr_comm_size(e->comm), rank = clr_comm_rank(e->comm);

    e->first = clr_share(info->images, ranks, rank);
    e->rows = clr_share(info->images, ranks, rank + 1) - e->first;
    for (int k = 0; k < KINDS; k++)
        if (e->out[k]) {
            int dim = !e->from.encoder ? e->from.size * e->from.size * e->from.channels
                      : k == H         ? clr_encoder_features(e->from.encoder)
                                       : clr_encoder_outputs(e->from.encoder);
            *e->out[k] = (clr_features){info->images, dim, NULL, t ? t->label : clr_store_labels(e->from.store),
                                        t ? t->by->classes : info->classes};
        }
    e->scratch_floats =
        ((int64_t)clr_augment_floats(info->max_pixels, info->max_width, e->from.channels, e->from.size) + 15) / 16 * 16;
    clr_status st = clr_comm_agree(e->comm, check_memory(e));
    if (st != CLR_OK)
        return st;
    for (int k = 0; k < KINDS; k++)
        e->mine[k] = e->out[k] ? CLR_NEW(float, e->rows * e->out[k]->dim) : NULL;
    e->scratch = CLR_NEW(float, omp_get_max_threads() * e->scratch_floats);
    e->x = CLR_NEW(float, (int64_t)CLR_FEATURES_BATCH * e->from.size * e->from.size * e->from.channels);
    st = encode_all(e, (info->images + ranks - 1) / ranks);
    clr_free(e->x);
    clr_free(e->scratch);
    clr_watch_phase("gathering features", 0);
    for (int k = 0; k < KINDS; k++) {
        if (st == CLR_OK && e->out[k])
            gather(e, k);
        clr_free(e->mine[k]);
    }
    return st;
}

clr_status clr_features_extract(clr_comm *comm, const clr_features_source *from, char of, clr_features *features)
{
    extraction e = {.comm = comm, .from = *from};

    e.out[from->encoder && of == 'z' ? Z : H] = features;
    return extract(&e);
}

clr_status clr_features_extract_both(clr_comm *comm, const clr_features_source *from, clr_features *h, clr_features *z)
{
    extraction e = {.comm = comm, .from = *from, .out = {h, z}};

    return extract(&e);
}

void clr_features_free(clr_features *features)
{
    clr_free(features->h);
    *features = (clr_features){0};
}
