/* SPDX-License-Identifier: BSD-3-Clause */
/* map: features that embed wrote, as points of the plane by principal components and by t-SNE. */
#include "clr/map.h"
#include "clr/cmd.h"
#include "clr/h5.h"
#include "clr/kind.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/projection.h"
#include "clr/rng.h"
#include "clr/sampler.h"
#include "clr/store.h"
#include "clr/tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMPONENTS = 50 /* that t-SNE gets */, CLASSES = 4096 };

typedef struct config {
    const char *output, *data;
    int64_t points, seed, threads;
    clr_tsne_config tsne;
    bool force;
} config;

#define AT(field) offsetof(config, field)
static const clr_opt own[] = {
    {"output", CLR_OPT_TEXT, AT(output), NULL, "PAGE.html", 0, 0, NULL, 0, "the page; PAGE.tsv has the points"},
    {"points", CLR_OPT_LONG, AT(points), "10000", "N", 4, 100000, NULL, 0, "images that are shown, drawn by --seed"},
    {"perplexity", CLR_OPT_REAL, AT(tsne.perplexity), "30", "X", 2, 1000, NULL, 0,
     "of t-SNE: about the number of neighbours that count"},
    {"iterations", CLR_OPT_LONG, AT(tsne.iterations), "500", "N", 1, 100000, NULL, 0, "of t-SNE"},
    {"data", CLR_OPT_TEXT, AT(data), NULL, "DATA.h5", 0, 0, NULL, 0,
     "the images, for thumbnails; default: the dataset that the file names"},
    {0}};
static const clr_opt_part options[] = {{own, 0, NULL},
                                       {clr_seed_option, AT(seed), NULL},
                                       {clr_force_option, AT(force), NULL},
                                       {clr_threads_option, AT(threads), NULL},
                                       {0}};

/* What is taken of the file. */
typedef struct features {
    clr_h5 *file;
    int64_t rows, kept, *id; /* of the file; shown: their numbers, ascending */
} features;

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The rows that are shown, of unit length, into (kept, dim); NULL: the matrix has no columns. */
static clr_status load(const features *f, const char *name, float **x, int *dim)
{
    int64_t shape[CLR_H5_RANK] = {0};
    float *all = NULL;
    clr_h5_type type;
    int rank = 0;
    clr_status st = clr_h5_shape(f->file, name, &type, &rank, shape);

    *x = NULL;
    if (st == CLR_OK && (rank != 2 || type != CLR_H5_F32 || shape[0] != f->rows || shape[1] > 1 << 20))
        st = clr_fail(CLR_EINPUT, "%s: %s is no matrix of float32 with a row an image", clr_h5_path(f->file), name);
    if (st == CLR_OK && shape[1] > 0)
        st = clr_h5_load(f->file, name, CLR_H5_F32, shape[0] * shape[1], &all);
    if (st != CLR_OK || !shape[1])
        return st;
    *dim = (int)shape[1];
    *x = CLR_NEW(float, f->kept **dim);
    for (int64_t i = 0; i < f->kept; i++) {
        const float *row = all + f->id[i] * *dim;
        double size = 0;
        for (int l = 0; l < *dim; l++)
            size += (double)row[l] * row[l];
        for (int l = 0; l < *dim; l++)
            (*x)[i * *dim + l] = size > 0 ? (float)(row[l] / sqrt(size)) : 0;
        if (!isfinite(size))
            st = clr_fail(CLR_ENUMERIC, "%s: row %lld of %s is not finite", clr_h5_path(f->file), (long long)f->id[i],
                          name);
    }
    clr_free(all);
    return st;
}

/* Two panels: principal components, and t-SNE of as many of them as are left. */
static clr_status project(const float *x, int dim, const config *c, clr_map *map, int panel)
{
    int k = (int)clr_min64(clr_min64(dim, COMPONENTS), map->points - 1);
    float *components = CLR_NEW(float, map->points *k);
    double divergence, share[COMPONENTS] = {0};
    clr_status st = clr_pca(x, map->points, dim, k, components, share);

    for (int64_t i = 0; i < map->points && st == CLR_OK; i++) {
        map->xy[panel][2 * i] = components[i * k];
        map->xy[panel][2 * i + 1] = k > 1 ? components[i * k + 1] : 0;
    }
    if (st == CLR_OK)
        st = clr_tsne(components, map->points, k, &c->tsne, map->xy[panel + 1], &divergence);
    if (st == CLR_OK)
        clr_info("%c: two components have %.1f %% of the variance; t-SNE ends at a divergence of %.3f nats",
                 clr_map_names[panel][0], 100 * (share[0] + share[1]), divergence);
    clr_free(components);
    return st;
}

/* Classes and the dataset's path, as far as the file has them. */
static clr_status read_labels(const features *f, const config *c, clr_map *map)
{
    int64_t shape[CLR_H5_RANK] = {0}, classes = 0;
    int32_t *labels = NULL;
    clr_status st = CLR_OK;

    for (int64_t i = 0; i < map->points; i++) {
        map->id[i] = f->id[i];
        map->class[i] = -1;
    }
    if (c->data)
        map->data = clr_copy_text(c->data);
    else if (clr_h5_get_text(f->file, "data", &map->data) != CLR_OK)
        map->data = NULL;
    if (!clr_h5_has(f->file, "/labels") || !clr_h5_has(f->file, "/classes"))
        return CLR_OK;
    char **names = NULL;
    st = clr_h5_read_texts(f->file, "/classes", &names, &classes);
    if (st == CLR_OK)
        st = clr_h5_shape(f->file, "/labels", NULL, NULL, shape);
    if (st == CLR_OK && shape[0] != f->rows)
        st = clr_fail(CLR_EINPUT, "%s: /labels has not a label an image", clr_h5_path(f->file));
    if (st == CLR_OK)
        st = clr_h5_load(f->file, "/labels", CLR_H5_I32, f->rows, &labels);
    for (int64_t i = 0; i < classes; i++) {
        if (i < CLASSES)
            map->class_name[map->classes++] = names[i];
        else
            clr_free(names[i]);
    }
    for (int64_t i = 0; i < map->points && st == CLR_OK; i++) {
        int32_t label = labels[f->id[i]];
        map->class[i] = label >= 0 && label < map->classes ? label : -1;
    }
    clr_free(names);
    clr_free(labels);
    return st;
}

/* The whole map of an open file. */
static clr_status compute(features *f, const config *c, clr_map *map)
{
    int64_t shape[CLR_H5_RANK] = {0};
    clr_status st = clr_h5_shape(f->file, "/h", NULL, NULL, shape);

    f->rows = shape[0];
    f->kept = clr_min64(c->points, f->rows);
    if (st == CLR_OK && f->kept < 4)
        st = clr_fail(CLR_EINPUT, "%s: has %lld images; a map needs 4", clr_h5_path(f->file), (long long)f->rows);
    if (st != CLR_OK)
        return st;
    f->id = CLR_NEW(int64_t, f->kept);
    const clr_sampler sampler = {(uint64_t)c->seed, f->rows, f->kept};
    for (int64_t i = 0; i < f->kept; i++)
        f->id[i] = clr_sampler_at(&sampler, 0, i);
    qsort(f->id, (size_t)f->kept, sizeof *f->id, by_id);
    bool z = clr_h5_has(f->file, "/z");
    clr_map_new(map, f->kept, z ? 15 : 3);
    st = read_labels(f, c, map);
    for (int panel = 0; panel < (z ? 4 : 2) && st == CLR_OK; panel += 2) {
        float *x = NULL;
        int dim = 0;
        st = load(f, panel ? "/z" : "/h", &x, &dim);
        if (st == CLR_OK && x)
            st = project(x, dim, c, map, panel);
        clr_free(x);
    }
    return st;
}

/* The table, or the page, which is made in memory first. */
static clr_status write_file(const clr_map *map, const char *path, const char *title)
{
    char *bytes = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&bytes, &n);
    clr_status st = CLR_OK;

    if (to && title)
        st = clr_map_page(map, title, to);
    else if (to)
        clr_map_put(map, to);
    if (!to || ferror(to) | fclose(to))
        st = clr_fail(CLR_EMEMORY, "no memory for a page");
    if (st == CLR_OK)
        st = clr_output_put(path, bytes, n);
    free(bytes);
    return st;
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const config *c = settings;
    const char *path = set->argument[0], *output = c->output ? c->output : "";
    size_t n = strlen(output);
    char *table = clr_text("%.*s.tsv", (int)(n > 5 && !strcmp(output + n - 5, ".html") ? n - 5 : n), output);
    features f = {0};
    clr_map map = {0};
    double began = clr_seconds();

    clr_comm_threads(comm, c->threads);
    clr_status st = n ? clr_output_check(output, c->force) : clr_fail(CLR_EUSAGE, "--output=PAGE.html is missing");
    if (st == CLR_OK)
        st = clr_output_check(table, c->force);
    if (st == CLR_OK)
        st = clr_output_apart(output, path);
    if (st == CLR_OK)
        st = clr_kind_check(path, false);
    if (st == CLR_OK)
        st = clr_h5_open(path, &f.file);
    if (st == CLR_OK)
        st = compute(&f, c, &map);
    st = clr_h5_finish(f.file, st);
    if (st == CLR_OK)
        st = write_file(&map, table, NULL);
    if (st == CLR_OK)
        st = write_file(&map, output, path);
    if (st == CLR_OK)
        printf("map points=%lld of=%lld classes=%d seconds=%.1f page=%s table=%s\n", (long long)map.points,
               (long long)f.rows, map.classes, clr_seconds() - began, output, table);
    clr_map_free(&map);
    clr_free(f.id);
    clr_free(table);
    return st;
}

const clr_command clr_command_map = {
    .name = "map",
    .arguments = "FEATURES.h5",
    .help = "images as points of the plane by their features (PCA and t-SNE of h and z), coloured by class, as a page",
    .example = "simclr map features.h5 --output=map.html",
    .options = options,
    .config_bytes = sizeof(config),
    .least = 1,
    .most = 1,
    .alone = true,
    .run = run};
