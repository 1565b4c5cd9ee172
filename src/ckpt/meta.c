/* SPDX-License-Identifier: BSD-3-Clause */
/* The facts that a checkpoint holds beside its tensors: attributes, and /plan, the convolution solvers. */
#include "meta.h"

#include "clr/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char format[] = "simclr checkpoint 1";

clr_status clr_ckpt_put_meta(clr_h5 *file, const clr_ckpt_meta *meta)
{
    clr_status st = clr_h5_set_text(file, "format", format);

    if (st == CLR_OK)
        st = clr_h5_set_int(file, "step", meta->step);
    if (st == CLR_OK)
        st = clr_h5_set_real(file, "epoch", meta->epoch);
    if (st == CLR_OK)
        st = clr_h5_set_int(file, "seed", (int64_t)meta->seed);
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "config", meta->config ? meta->config : "");
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "simclr_version", meta->version ? meta->version : PACKAGE_VERSION);
    if (st == CLR_OK && meta->layout)
        st = clr_h5_set_text(file, "layout", meta->layout);
    if (st == CLR_OK && meta->plan)
        st = clr_h5_write_texts(file, "/plan", (const char *const *)&meta->plan, 1);
    return st;
}

void clr_ckpt_meta_free(clr_ckpt_meta *meta)
{
    clr_free(meta->config);
    clr_free(meta->version);
    clr_free(meta->plan);
    clr_free(meta->layout);
    *meta = (clr_ckpt_meta){0};
}

clr_status clr_ckpt_open(const char *path, clr_h5 **file)
{
    char *have = NULL;
    clr_status st = clr_h5_open(path, file);

    if (st != CLR_OK)
        return st;
    st = clr_h5_get_text(*file, "format", &have);
    if (st != CLR_OK || strcmp(have, format))
        st = clr_fail(CLR_EINPUT, "%s: is %s checkpoint: its format is %s%s%s, not '%s'", path,
                      have && strstr(have, "dataset") ? "a dataset, not a" : "not a", have ? "'" : "",
                      have ? have : "not stated", have ? "'" : "", format);
    clr_free(have);
    if (st != CLR_OK) {
        st = clr_h5_finish(*file, st);
        *file = NULL;
    }
    return st;
}

/* What files of before do not have. */
static clr_status read_later_meta(clr_h5 *file, clr_ckpt_meta *meta)
{
    char **texts = NULL;
    int64_t n = 0;

    if (clr_h5_get_text(file, "layout", &meta->layout) != CLR_OK)
        meta->layout = NULL;
    if (!clr_h5_has(file, "/plan"))
        return CLR_OK;
    clr_status st = clr_h5_verify(file, "/plan");
    if (st == CLR_OK)
        st = clr_h5_read_texts(file, "/plan", &texts, &n);
    for (int64_t i = 0; i < n; i++)
        if (i == 0)
            meta->plan = texts[i];
        else
            clr_free(texts[i]);
    clr_free(texts);
    return st;
}

clr_status clr_ckpt_get_meta(clr_h5 *file, clr_ckpt_meta *meta)
{
    int64_t seed = 0;
    clr_status st = clr_h5_get_int(file, "step", &meta->step);

    if (st == CLR_OK)
        st = clr_h5_get_real(file, "epoch", &meta->epoch);
    if (st == CLR_OK)
        st = clr_h5_get_int(file, "seed", &seed);
    if (st == CLR_OK)
        st = clr_h5_get_text(file, "config", &meta->config);
    if (st == CLR_OK)
        st = clr_h5_get_text(file, "simclr_version", &meta->version);
    if (st == CLR_OK)
        st = read_later_meta(file, meta);
    meta->seed = (uint64_t)seed;
    if (st == CLR_OK && (meta->step < 0 || !(meta->epoch >= 0 && isfinite(meta->epoch))))
        st = clr_fail(CLR_EINPUT, "%s: says that it is of step %lld, epoch %g", clr_h5_path(file),
                      (long long)meta->step, meta->epoch);
    if (st != CLR_OK)
        clr_ckpt_meta_free(meta);
    return st;
}

static clr_status read_meta_once(const char *path, clr_ckpt_meta *meta)
{
    clr_h5 *file = NULL;

    *meta = (clr_ckpt_meta){0};
    clr_h5_lock();
    clr_status st = clr_ckpt_open(path, &file);
    if (st == CLR_OK)
        st = clr_ckpt_get_meta(file, meta);
    st = clr_h5_finish(file, st);
    clr_h5_unlock();
    if (st != CLR_OK)
        clr_ckpt_meta_free(meta);
    return st;
}

clr_status clr_ckpt_read_meta(const char *path, clr_ckpt_meta *meta)
{
    clr_status st;
    int tries = 0;

    do
        st = read_meta_once(path, meta);
    while (clr_h5_again(st, &tries));
    return st;
}
