/* SPDX-License-Identifier: BSD-3-Clause */
/* Two buffers: while the training works on one step's views, an I/O thread reads the next step's images and a
   background thread of low priority makes its views, sample by sample. When the training thread asks for the step, its
   OpenMP threads claim what is left through the same counter. A view is a function of (seed, epoch, sample, view)
   alone, so it does not matter who makes it. The background thread may be kept from running for as long as a step
   takes: whoever claims says for which turn of the buffer. */
#include "slots.h"

#include "clr/comm.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

static int larger_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* Enough for any `count` different images, which a batch is: the largest, encoded too. */
static int64_t image_capacity(const clr_store *store, int count)
{
    int64_t images = clr_store_info_of(store)->images, *bytes = CLR_NEW(int64_t, images), sum = 0;

    for (int64_t i = 0; i < images; i++)
        bytes[i] = clr_store_bytes(store, &i, 1);
    qsort(bytes, (size_t)images, sizeof *bytes, larger_first);
    for (int64_t i = 0; i < clr_min64(count, images); i++)
        sum += bytes[i];
    clr_free(bytes);
    return sum;
}

static int64_t bytes_of(const clr_loader_config *config, int64_t images, int64_t max_pixels, int max_width)
{
    int64_t views = (int64_t)config->views * config->count * config->size * config->size * config->channels *
                    (int64_t)sizeof(float);
    size_t scratch = clr_augment_floats(max_pixels, max_width, config->channels, config->size);

    return CLR_SLOTS * (views + images) + (omp_get_max_threads() + 1) * (int64_t)(scratch * sizeof(float));
}

int64_t clr_loader_bytes(const clr_store *store, const clr_loader_config *config)
{
    const clr_store_info *info = clr_store_info_of(store);

    return bytes_of(config, image_capacity(store, config->count), info->max_pixels, info->max_width);
}

int64_t clr_loader_bytes_resized(const clr_store *store, const clr_loader_config *config, int shorter)
{
    int64_t pixels = clr_min64(clr_store_info_of(store)->max_pixels, (int64_t)2 * shorter * shorter);

    return clr_min64(clr_loader_bytes(store, config),
                     bytes_of(config, config->count * 3 * pixels, pixels, 2 * shorter));
}

clr_status clr_loader_open(clr_store *store, const clr_loader_config *config, clr_loader **out)
{
    const clr_store_info *info = clr_store_info_of(store);
    clr_loader *loader = CLR_NEW(clr_loader, 1);

    loader->store = store;
    loader->config = *config;
    loader->pixels = (int64_t)config->size * config->size * config->channels;
    loader->scratches = omp_get_max_threads() + 1;
    loader->scratch = CLR_NEW(float *, loader->scratches);
    for (int i = 0; i < loader->scratches; i++)
        loader->scratch[i] =
            CLR_NEW(float, clr_augment_floats(info->max_pixels, info->max_width, config->channels, config->size));
    int64_t bytes = image_capacity(store, config->count);
    for (int i = 0; i < CLR_SLOTS; i++) {
        clr_slot *s = &loader->slot[i];
        s->step = -1;
        s->ids = CLR_NEW(int64_t, config->count);
        s->pixels = clr_alloc((size_t)bytes, 1);
        s->image = CLR_NEW(clr_image, config->count);
        s->views = CLR_NEW(float, config->views * config->count * loader->pixels);
    }
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->changed, NULL);
    int error = pthread_create(&loader->io, NULL, clr_loader_read_ahead, loader);
    loader->io_runs = !error;
    if (!error)
        error = pthread_create(&loader->maker, NULL, clr_loader_make_ahead, loader);
    loader->maker_runs = !error;
    if (error) {
        clr_loader_close(loader);
        return clr_fail(CLR_EMEMORY,
                        "the loader's threads cannot be started: %s; raise the limit on processes (ulimit -u, or "
                        "pids.max of the control group)",
                        strerror(error));
    }
    *out = loader;
    return CLR_OK;
}

void clr_loader_close(clr_loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->mutex);
    loader->ending = true;
    for (int i = 0; i < CLR_SLOTS; i++)
        atomic_store(&loader->slot[i].next, -1); /* nobody begins another sample */
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
    if (loader->io_runs)
        pthread_join(loader->io, NULL);
    if (loader->maker_runs)
        pthread_join(loader->maker, NULL);
    for (int i = 0; i < CLR_SLOTS; i++) {
        clr_free(loader->slot[i].ids);
        clr_free(loader->slot[i].pixels);
        clr_free(loader->slot[i].image);
        clr_free(loader->slot[i].views);
    }
    for (int i = 0; i < loader->scratches; i++)
        clr_free(loader->scratch[i]);
    clr_free(loader->scratch);
    pthread_mutex_destroy(&loader->mutex);
    pthread_cond_destroy(&loader->changed);
    clr_free(loader);
}

/* With the mutex held: asks for step in slot s. */
static void want(clr_loader *loader, clr_slot *s, int64_t step)
{
    s->step = step;
    atomic_store(&s->next, ++s->turn << 32);
    atomic_store(&s->made, 0);
    s->state = CLR_SLOT_WANTED;
    pthread_cond_broadcast(&loader->changed);
}

clr_status clr_loader_next(clr_loader *loader, int64_t step, clr_batch *batch)
{
    clr_slot *s = NULL, *other;
    double begin = clr_seconds();

    pthread_mutex_lock(&loader->mutex);
    for (int i = 0; i < CLR_SLOTS; i++)
        if (loader->slot[i].step == step && loader->slot[i].state != CLR_SLOT_EMPTY)
            s = &loader->slot[i];
    if (!s) { /* not foreseen: any slot at rest */
        for (;;) {
            for (int i = 0; i < CLR_SLOTS && !s; i++) {
                s = clr_loader_at_rest(loader, &loader->slot[i]) ? &loader->slot[i] : NULL;
            }
            if (s)
                break;
            pthread_cond_wait(&loader->changed, &loader->mutex);
        }
        want(loader, s, step);
    }
    while (s->state == CLR_SLOT_WANTED || s->state == CLR_SLOT_READING)
        pthread_cond_wait(&loader->changed, &loader->mutex);
    batch->data_seconds = clr_seconds() - begin;
    if (s->state == CLR_SLOT_FAILED) {
        clr_status st = clr_fail(s->status, "%s", s->message);
        s->state = CLR_SLOT_EMPTY;
        pthread_mutex_unlock(&loader->mutex);
        return st;
    }
    /* The other slot's step is over: it may be filled with the next one. */
    other = s == &loader->slot[0] ? &loader->slot[1] : &loader->slot[0];
    if (clr_loader_at_rest(loader, other) && step + 1 < loader->config.last_step && other->step != step + 1)
        want(loader, other, step + 1);
    int64_t turn = s->turn;
    pthread_mutex_unlock(&loader->mutex);

    begin = clr_seconds();
#pragma omp parallel num_threads(loader->scratches - 1)
    clr_loader_make(loader, s, turn, loader->scratch[omp_get_thread_num()]);
    pthread_mutex_lock(&loader->mutex);
    while (!clr_loader_made(loader, s)) /* the background thread's last sample */
        pthread_cond_wait(&loader->changed, &loader->mutex);
    pthread_mutex_unlock(&loader->mutex);
    batch->augment_seconds = clr_seconds() - begin;
    batch->views = s->views;
    batch->ids = s->ids;
    return CLR_OK;
}
