/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SIMCLR_FUZZ_H5_H
#define SIMCLR_FUZZ_H5_H
/* HDF5 files as the program reads them. */
#include "fuzz.h"

#include "clr/ckpt.h"
#include "clr/h5.h"
#include "clr/mem.h"
#include "clr/store.h"

#include <stdio.h>

/* What checkpoints are read into: a network in small, and an optimizer with one slot. */
static clr_params params;
static clr_optim *optim;

/* r taps a side, c channels in, k out. */
static inline void add_entry(clr_table *table, const char *name, clr_role role, int r, int c, int k)
{
    clr_entry entry = {.role = role, .r = r, .s = r, .c = c, .k = k, .initial = 0.5};

    snprintf(entry.name, sizeof entry.name, "%s", name);
    clr_table_add(table, &entry);
}

/* Makes both at the first call. */
static inline void open_network(void)
{
    clr_optim_config config = {.kind = 0, .momentum = 0.9, .weight_decay = 1e-6};

    if (optim)
        return;
    add_entry(&params.weights, "encoder/conv1.weight", CLR_ROLE_CONV, 3, 1, 2);
    add_entry(&params.weights, "encoder/bn1.weight", CLR_ROLE_VECTOR, 1, 1, 2);
    add_entry(&params.weights, "head/0.weight", CLR_ROLE_LINEAR, 1, 2, 3);
    add_entry(&params.states, "encoder/bn1.running_mean", CLR_ROLE_VECTOR, 1, 1, 2);
    add_entry(&params.states, "encoder/bn1.running_var", CLR_ROLE_VECTOR, 1, 1, 2);
    clr_params_open(&params);
    optim = clr_optim_new(&config, &params);
}

/* Whether a checkpoint is read wholly. */
static inline bool read_checkpoint(const char *path)
{
    clr_ckpt_meta meta;

    if (clr_ckpt_read_meta(path, &meta) != CLR_OK)
        return false;
    clr_ckpt_meta_free(&meta);
    clr_state weights = clr_state_of(&params, NULL), all = clr_state_of(&params, optim);
    bool good = (clr_ckpt_read(path, &weights) == CLR_OK) & (clr_ckpt_read(path, &all) == CLR_OK);
    clr_state_free(&weights);
    clr_state_free(&all);
    return good;
}

/* Whether a dataset is opened and the first, the last and a middle image are read. */
static inline bool read_store(const char *path)
{
    clr_store *store;
    clr_image image[3];
    char *name;
    bool good = false;

    if (clr_store_open(path, &store) != CLR_OK)
        return false;
    const clr_store_info *info = clr_store_info_of(store);
    const int32_t *labels = clr_store_labels(store);
    FUZZ_CHECK(info->images > 0 &&
               (!labels || (labels[0] >= 0 && labels[0] < info->classes && info->class_names[labels[0]])));
    int64_t ids[] = {info->images - 1, 0, info->images / 2}, bytes = clr_store_bytes(store, ids, 3);
    if (bytes < 1 << 24) {
        void *buffer = clr_alloc((size_t)bytes, 1);
        good = clr_store_read(store, ids, 3, 3, buffer, image) == CLR_OK;
        for (int i = 0; good && i < 3; i++)
            fuzz_look(image[i].pixels, 3 * (size_t)image[i].height * (size_t)image[i].width);
        clr_free(buffer);
    }
    if (clr_store_name(store, ids[0], &name) == CLR_OK)
        clr_free(name);
    clr_store_close(store);
    return good;
}

/* All that `simclr info` looks at. */
static inline void look_around(const char *path)
{
    char **names, **texts;
    int64_t n, count, shape[CLR_H5_RANK];
    clr_h5 *file;

    if (clr_h5_open(path, &file) != CLR_OK)
        return;
    if (clr_h5_list(file, "/", &names, &n) == CLR_OK) {
        for (int64_t i = 0; i < n; i++) {
            clr_h5_type type;
            int rank;
            uint64_t sum;
            clr_h5_shape(file, names[i], &type, &rank, shape);
            if (clr_h5_has_checksum(file, names[i]))
                clr_h5_checksum(file, names[i], &sum);
            if (clr_h5_read_texts(file, names[i], &texts, &count) == CLR_OK) {
                for (int64_t t = 0; t < count; t++)
                    clr_free(texts[t]);
                clr_free(texts);
            }
            clr_free(names[i]);
        }
        clr_free(names);
    }
    clr_h5_close(file);
}

#endif
