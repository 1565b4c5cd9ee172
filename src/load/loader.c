/* SPDX-License-Identifier: BSD-3-Clause */
/* Two buffers: while the training works on one step's views, an I/O thread reads the next step's images and a
   background thread of low priority makes its views, sample by sample. When the training thread asks for the step, its
   OpenMP threads claim what is left through the same counter. A view is a function of (seed, epoch, sample, view)
   alone, so it does not matter who makes it. The background thread may be kept from running for as long as a step
   takes: whoever claims says for which turn of the buffer. */
#include "clr/loader.h"

#include "clr/comm.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLOTS = 2, MESSAGE = 1024 };

typedef enum state { EMPTY, WANTED, READING, READ, FAILED } state;

typedef struct slot {
    int64_t step;
    int64_t turn; /* how often it was filled */
    state state;
    int64_t *ids;
    void *pixels; /* of the images as read */
    clr_image *image;
    float *views;
    atomic_int_least64_t next; /* turn << 32 | the next sample to claim */
    atomic_int made;           /* samples */
    clr_status status;
    char message[MESSAGE];
} slot;

struct clr_loader {
    clr_store *store;
    clr_loader_config config;
    int64_t pixels; /* floats of a view */
    slot slot[SLOTS];
    int scratches;
    float **scratch; /* one a thread; the last is the background thread's */
    pthread_t io, maker;
    bool io_runs, maker_runs;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ending;
};

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
    int64_t views =
        (int64_t)CLR_VIEWS * config->count * config->size * config->size * config->channels * (int64_t)sizeof(float);
    size_t scratch = clr_augment_floats(max_pixels, max_width, config->channels, config->size);

    return SLOTS * (views + images) + (omp_get_max_threads() + 1) * (int64_t)(scratch * sizeof(float));
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

static void make_view(clr_loader *loader, slot *s, int i, float *scratch)
{
    const clr_loader_config *config = &loader->config;
    uint64_t epoch = (uint64_t)(s->step / clr_sampler_steps(&config->sampler));

    for (int view = 0; view < CLR_VIEWS; view++)
        clr_augment_apply(&config->augment[view], &s->image[i], config->size, config->sampler.seed, epoch,
                          (uint64_t)s->ids[i], (uint32_t)view, scratch,
                          s->views + ((int64_t)view * config->count + i) * loader->pixels);
}

/* A sample of the slot's turn, or -1 where all are claimed or the turn is over. */
static int claim(slot *s, int64_t turn, int count)
{
    int64_t next = atomic_load(&s->next);

    do
        if (next >> 32 != turn || (int32_t)next >= count)
            return -1;
    while (!atomic_compare_exchange_weak(&s->next, &next, next + 1));
    return (int32_t)next;
}

static void make_views(clr_loader *loader, slot *s, int64_t turn, float *scratch)
{
    for (int i; (i = claim(s, turn, loader->config.count)) >= 0;) {
        make_view(loader, s, i, scratch);
        atomic_fetch_add_explicit(&s->made, 1, memory_order_release);
    }
}

static bool made(const clr_loader *loader, slot *s)
{
    return atomic_load_explicit(&s->made, memory_order_acquire) == loader->config.count;
}

/* With the mutex held: may be filled with another step. */
static bool at_rest(const clr_loader *loader, slot *s)
{
    return s->state == EMPTY || s->state == FAILED || (s->state == READ && made(loader, s));
}

static void *read_ahead(void *argument)
{
    clr_loader *loader = argument;

    pthread_mutex_lock(&loader->mutex);
    while (!loader->ending) {
        slot *s = NULL;
        for (int i = 0; i < SLOTS; i++)
            if (loader->slot[i].state == WANTED && (!s || loader->slot[i].step < s->step))
                s = &loader->slot[i];
        if (!s) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
            continue;
        }
        s->state = READING;
        pthread_mutex_unlock(&loader->mutex);
        clr_sampler_batch(&loader->config.sampler, s->step, loader->config.first, loader->config.count, s->ids);
        clr_status st =
            clr_store_read(loader->store, s->ids, loader->config.count, loader->config.channels, s->pixels, s->image);
        pthread_mutex_lock(&loader->mutex);
        s->status = st;
        if (st != CLR_OK)
            strncpy(s->message, clr_message(), MESSAGE - 1);
        s->state = st == CLR_OK ? READ : FAILED;
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

static void *make_ahead(void *argument)
{
    clr_loader *loader = argument;

    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19); /* Linux: of this thread alone */
    pthread_mutex_lock(&loader->mutex);
    while (!loader->ending) {
        slot *s = NULL;
        for (int i = 0; i < SLOTS; i++)
            if (loader->slot[i].state == READ && (int32_t)atomic_load(&loader->slot[i].next) < loader->config.count)
                s = &loader->slot[i];
        if (!s) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
            continue;
        }
        int64_t turn = s->turn;
        pthread_mutex_unlock(&loader->mutex);
        make_views(loader, s, turn, loader->scratch[loader->scratches - 1]);
        pthread_mutex_lock(&loader->mutex);
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
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
    for (int i = 0; i < SLOTS; i++) {
        slot *s = &loader->slot[i];
        s->step = -1;
        s->ids = CLR_NEW(int64_t, config->count);
        s->pixels = clr_alloc((size_t)bytes, 1);
        s->image = CLR_NEW(clr_image, config->count);
        s->views = CLR_NEW(float, CLR_VIEWS * config->count * loader->pixels);
    }
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->changed, NULL);
    int error = pthread_create(&loader->io, NULL, read_ahead, loader);
    loader->io_runs = !error;
    if (!error)
        error = pthread_create(&loader->maker, NULL, make_ahead, loader);
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
    for (int i = 0; i < SLOTS; i++)
        atomic_store(&loader->slot[i].next, -1); /* nobody begins another sample */
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
    if (loader->io_runs)
        pthread_join(loader->io, NULL);
    if (loader->maker_runs)
        pthread_join(loader->maker, NULL);
    for (int i = 0; i < SLOTS; i++) {
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
static void want(clr_loader *loader, slot *s, int64_t step)
{
    s->step = step;
    atomic_store(&s->next, ++s->turn << 32);
    atomic_store(&s->made, 0);
    s->state = WANTED;
    pthread_cond_broadcast(&loader->changed);
}

clr_status clr_loader_next(clr_loader *loader, int64_t step, clr_batch *batch)
{
    slot *s = NULL, *other;
    double begin = clr_seconds();

    pthread_mutex_lock(&loader->mutex);
    for (int i = 0; i < SLOTS; i++)
        if (loader->slot[i].step == step && loader->slot[i].state != EMPTY)
            s = &loader->slot[i];
    if (!s) { /* not foreseen: any slot at rest */
        for (;;) {
            for (int i = 0; i < SLOTS && !s; i++) {
                s = at_rest(loader, &loader->slot[i]) ? &loader->slot[i] : NULL;
            }
            if (s)
                break;
            pthread_cond_wait(&loader->changed, &loader->mutex);
        }
        want(loader, s, step);
    }
    while (s->state == WANTED || s->state == READING)
        pthread_cond_wait(&loader->changed, &loader->mutex);
    batch->data_seconds = clr_seconds() - begin;
    if (s->state == FAILED) {
        clr_status st = clr_fail(s->status, "%s", s->message);
        s->state = EMPTY;
        pthread_mutex_unlock(&loader->mutex);
        return st;
    }
    /* The other slot's step is over: it may be filled with the next one. */
    other = s == &loader->slot[0] ? &loader->slot[1] : &loader->slot[0];
    if (at_rest(loader, other) && step + 1 < loader->config.last_step && other->step != step + 1)
        want(loader, other, step + 1);
    int64_t turn = s->turn;
    pthread_mutex_unlock(&loader->mutex);

    begin = clr_seconds();
#pragma omp parallel num_threads(loader->scratches - 1)
    make_views(loader, s, turn, loader->scratch[omp_get_thread_num()]);
    pthread_mutex_lock(&loader->mutex);
    while (!made(loader, s)) /* the background thread's last sample */
        pthread_cond_wait(&loader->changed, &loader->mutex);
    pthread_mutex_unlock(&loader->mutex);
    batch->augment_seconds = clr_seconds() - begin;
    batch->views = s->views;
    batch->ids = s->ids;
    return CLR_OK;
}
