/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoint files: a dataset a tensor of the state (clr/state.h), named and shaped as torchvision has it; /plan,
   the convolution solvers, and attributes.

   Reading fills a state of its own first, so that what fails changes nothing. What is written, and what is read, is
   finite. */
#include "clr/ckpt.h"

#include "files.h"
#include "meta.h"

#include "clr/h5.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/plain.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME = CLR_STATE_NAME + 1 };

static const char *path_of(const clr_tensor *tensor, char name[NAME])
{
    snprintf(name, NAME, "/%s", tensor->name);
    return name;
}

static clr_status write_one(clr_h5 *file, const clr_tensor *tensor, float *scratch)
{
    char name[NAME];

    if (!tensor->entry)
        return clr_h5_write(file, path_of(tensor, name), CLR_H5_I64, tensor->rank, tensor->shape, tensor->data);
    clr_tensor_to_file(tensor, scratch);
    return clr_h5_write(file, path_of(tensor, name), CLR_H5_F32, tensor->rank, tensor->shape, scratch);
}

clr_status clr_ckpt_write(const char *path, const clr_ckpt_meta *meta, const clr_state *state, float *scratch)
{
    clr_h5 *file = NULL;

    clr_h5_lock();
    clr_status st = clr_plain_check(path);
    if (st == CLR_OK)
        st = clr_h5_create(path, &file);
    if (st == CLR_OK)
        st = clr_ckpt_put_meta(file, meta);
    for (int t = 0; t < state->tensors && st == CLR_OK; t++)
        st = write_one(file, &state->tensor[t], scratch);
    st = clr_h5_end(file, st);
    clr_h5_unlock();
    return st;
}

/* Whether the dataset belongs to a classifier (the online probe's, finetune's), which readers of the encoder skip. */
static bool is_classifier(const char *name)
{
    static const char *const groups[] = {"/model/online/", "/model/classifier/"};

    for (size_t i = 0; i < CLR_COUNT(groups); i++)
        if (!strncmp(name, groups[i], strlen(groups[i])))
            return true;
    return false;
}

static const char *shape_text(int rank, const int64_t *shape, char text[80])
{
    int n = snprintf(text, 80, "(");

    for (int i = 0; i < rank; i++)
        n += snprintf(text + n, (size_t)(80 - n), "%s%lld", i ? ", " : "", (long long)shape[i]);
    snprintf(text + n, (size_t)(80 - n), ")");
    return text;
}

static clr_status read_number(clr_h5 *file, const clr_state *state, const clr_tensor *tensor)
{
    int64_t *n = tensor->data;
    char name[NAME];
    clr_status st = clr_h5_read(file, path_of(tensor, name), CLR_H5_I64, 1, n);

    /* All batch norms of a run have seen the same number of batches. */
    for (const clr_tensor *other = state->tensor; other < tensor && st == CLR_OK; other++)
        if (!other->entry && *(int64_t *)other->data != *n)
            return clr_fail(CLR_EINPUT, "%s: %s is %lld, elsewhere it is %lld", clr_h5_path(file), name, (long long)*n,
                            (long long)*(int64_t *)other->data);
    return st;
}

static clr_status read_one(clr_h5 *file, const clr_state *state, const clr_tensor *tensor, float *scratch)
{
    int64_t have[CLR_H5_RANK];
    char name[NAME], text[2][80];
    int rank;

    if (!tensor->entry)
        return read_number(file, state, tensor);
    clr_status st = clr_h5_shape(file, path_of(tensor, name), NULL, &rank, have);
    if (st != CLR_OK)
        return st;
    if (rank != tensor->rank || memcmp(have, tensor->shape, (size_t)rank * sizeof *have))
        return clr_fail(CLR_EINPUT, "%s: %s has the shape %s; this network's is %s", clr_h5_path(file), name,
                        shape_text(rank, have, text[0]), shape_text(tensor->rank, tensor->shape, text[1]));
    st = clr_h5_read(file, name, CLR_H5_F32, tensor->count, scratch);
    if (st != CLR_OK)
        return st;
    clr_tensor_from_file(tensor, scratch);
    st = clr_tensor_check(tensor);
    return st == CLR_OK
               ? st
               : clr_fail_in(st,
                             "%s: was saved after its numbers ceased to be finite, and is of no use; take an older one",
                             clr_h5_path(file));
}

/* Refuses tensors in /model that the network lacks (an online probe or a classifier is allowed), and,
   where the optimizer's state is wanted, the state of another optimizer. */
static clr_status check_names(clr_h5 *file, const clr_state *state)
{
    char **names = NULL, group[NAME];
    int64_t n = 0;
    clr_status st = clr_h5_list(file, "/model", &names, &n);

    for (int64_t i = 0; i < n; i++) {
        if (st == CLR_OK && !clr_state_find(state, names[i] + 1) && (state->optimizer || !is_classifier(names[i])))
            st = clr_fail(CLR_EINPUT, "%s: holds %s, which this network does not have", clr_h5_path(file), names[i]);
        clr_free(names[i]);
    }
    clr_free(names);
    if (st != CLR_OK || !state->optimizer)
        return st;
    snprintf(group, sizeof group, "/optimizer/%s", state->optimizer);
    if (!clr_h5_has(file, "/optimizer"))
        return clr_fail(CLR_EINPUT, "%s: holds weights only, no state of an optimizer", clr_h5_path(file));
    if (!clr_h5_has(file, group))
        return clr_fail(CLR_EINPUT, "%s: holds the state of another optimizer, not of %s", clr_h5_path(file),
                        state->optimizer);
    return CLR_OK;
}

/* Fills state. */
static clr_status read_once(const char *path, clr_state *state, float *scratch)
{
    clr_h5 *file = NULL;

    clr_h5_lock();
    clr_status st = clr_ckpt_open(path, &file);
    if (st == CLR_OK)
        st = clr_h5_verify(file, NULL);
    if (st == CLR_OK)
        st = check_names(file, state);
    for (int t = 0; t < state->tensors && st == CLR_OK; t++)
        st = read_one(file, state, &state->tensor[t], scratch);
    st = clr_h5_finish(file, st);
    clr_h5_unlock();
    return st;
}

clr_status clr_ckpt_read(const char *path, clr_state *state)
{
    clr_state read = clr_state_like(state);
    float *scratch = CLR_NEW(float, state->largest);
    clr_status st;
    int tries = 0;

    do
        st = read_once(path, &read, scratch);
    while (clr_h5_again(st, &tries));
    if (st == CLR_OK)
        clr_state_copy(state, &read);
    clr_state_free(&read);
    clr_free(scratch);
    return st;
}

static clr_status check_once(const char *path)
{
    clr_ckpt_meta meta = {0};
    clr_h5 *file = NULL;

    clr_h5_lock();
    clr_status st = clr_ckpt_open(path, &file);
    if (st == CLR_OK)
        st = clr_ckpt_get_meta(file, &meta);
    if (st == CLR_OK && meta.step != clr_ckpt_step_of(strrchr(path, '/') + 1))
        st = clr_fail(CLR_EINPUT, "%s: is of step %lld, not of the one in its name", path, (long long)meta.step);
    if (st == CLR_OK)
        st = clr_h5_verify_finite(file);
    st = clr_h5_finish(file, st);
    clr_h5_unlock();
    clr_ckpt_meta_free(&meta);
    return st;
}

clr_status clr_ckpt_check(const char *path)
{
    clr_status st;
    int tries = 0;

    do
        st = check_once(path);
    while (clr_h5_again(st, &tries));
    return st;
}
