/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of weights, and their HDF5 form: a dataset a tensor, in the root group. */
#include "clr/weights.h"

#include "safetensors.h"

#include "clr/h5.h"
#include "clr/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

clr_weight *clr_weights_add(clr_weights *weights, const char *name, bool integer, int rank, const int64_t *shape)
{
    clr_weight *larger = CLR_NEW(clr_weight, weights->tensors + 1), *w = &larger[weights->tensors];

    if (weights->tensors)
        memcpy(larger, weights->tensor, (size_t)weights->tensors * sizeof *larger);
    clr_free(weights->tensor);
    weights->tensor = larger;
    weights->tensors++;
    snprintf(w->name, sizeof w->name, "%s", name);
    w->integer = integer;
    w->rank = rank;
    w->count = 1;
    for (int i = 0; i < rank; i++)
        w->count *= w->shape[i] = shape[i];
    w->data = clr_alloc((size_t)w->count, integer ? sizeof(int64_t) : sizeof(float));
    return w;
}

const clr_weight *clr_weights_find(const clr_weights *weights, const char *name)
{
    for (int i = 0; i < weights->tensors; i++)
        if (!strcmp(weights->tensor[i].name, name))
            return &weights->tensor[i];
    return NULL;
}

void clr_weights_free(clr_weights *weights)
{
    for (int i = 0; i < weights->tensors; i++)
        clr_free(weights->tensor[i].data);
    clr_free(weights->tensor);
    *weights = (clr_weights){0};
}

void clr_weights_name(const char *tensor, char name[CLR_WEIGHTS_NAME])
{
    const char *below = tensor + strlen("model/");

    snprintf(name, CLR_WEIGHTS_NAME, "%s", strncmp(below, "encoder/", 8) ? below : below + 8);
    for (char *slash = name; (slash = strchr(slash, '/'));)
        *slash = '.';
}

static bool ends(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    return n > m && !strcmp(path + n - m, ending);
}

static bool is_safetensors(const char *path)
{
    return ends(path, ".safetensors");
}

clr_status clr_weights_check_name(const char *path)
{
    if (is_safetensors(path) || ends(path, ".h5") || ends(path, ".hdf5"))
        return CLR_OK;
    return clr_fail(CLR_EUSAGE, "%s: the name must end in .safetensors or .h5, which says the format", path);
}

static clr_status write_h5(const char *path, const clr_weights *weights)
{
    clr_h5 *file = NULL;
    char name[CLR_WEIGHTS_NAME + 1];

    clr_h5_lock();
    clr_status st = clr_h5_create(path, &file);
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "format", "simclr weights 1");
    for (int i = 0; i < weights->tensors && st == CLR_OK; i++) {
        const clr_weight *w = &weights->tensor[i];
        snprintf(name, sizeof name, "/%s", w->name);
        st = clr_h5_write(file, name, w->integer ? CLR_H5_I64 : CLR_H5_F32, w->rank, w->shape, w->data);
    }
    st = clr_h5_end(file, st);
    clr_h5_unlock();
    return st;
}

static clr_status read_one(clr_h5 *file, const char *name, clr_weights *weights)
{
    int64_t shape[CLR_H5_RANK];
    clr_h5_type type;
    int rank;
    clr_status st = clr_h5_shape(file, name, &type, &rank, shape);

    if (st != CLR_OK)
        return st;
    if (strlen(name + 1) >= CLR_WEIGHTS_NAME || rank > CLR_WEIGHTS_RANK || (type != CLR_H5_F32 && type != CLR_H5_I64) ||
        (type == CLR_H5_I64 && rank))
        return clr_fail(CLR_EINPUT, "%s: %s is no weight of a network (float32 of up to %d dimensions)",
                        clr_h5_path(file), name, CLR_WEIGHTS_RANK);
    clr_weight *w = clr_weights_add(weights, name + 1, type == CLR_H5_I64, rank, shape);
    return clr_h5_read(file, name, type, w->count, w->data);
}

static clr_status read_h5(const char *path, clr_weights *weights)
{
    clr_h5 *file = NULL;
    char **names = NULL;
    int64_t n = 0;

    clr_h5_lock();
    clr_status st = clr_h5_open(path, &file);
    if (st == CLR_OK)
        st = clr_h5_list(file, "/", &names, &n);
    for (int64_t i = 0; i < n; i++) {
        if (st == CLR_OK)
            st = read_one(file, names[i], weights);
        clr_free(names[i]);
    }
    clr_free(names);
    st = clr_h5_finish(file, st);
    clr_h5_unlock();
    return st;
}

static clr_status check_finite(const char *path, const clr_weights *weights)
{
    for (int i = 0; i < weights->tensors; i++) {
        const clr_weight *w = &weights->tensor[i];
        const float *x = w->data;
        for (int64_t k = 0; k < w->count && !w->integer; k++)
            if (!isfinite(x[k]))
                return clr_fail(CLR_ENUMERIC, "%s: %s[%lld] is %g", path, w->name, (long long)k, (double)x[k]);
    }
    return CLR_OK;
}

clr_status clr_weights_write(const char *path, const clr_weights *weights)
{
    return is_safetensors(path) ? clr_safetensors_write(path, weights) : write_h5(path, weights);
}

clr_status clr_weights_read(const char *path, clr_weights *weights)
{
    *weights = (clr_weights){0};
    clr_status st = clr_weights_check_name(path);
    if (st == CLR_OK)
        st = is_safetensors(path) ? clr_safetensors_read(path, weights) : read_h5(path, weights);
    if (st == CLR_OK && !weights->tensors)
        st = clr_fail(CLR_EINPUT, "%s: holds no weights", path);
    if (st == CLR_OK)
        st = check_finite(path, weights);
    if (st != CLR_OK)
        clr_weights_free(weights);
    return st;
}
