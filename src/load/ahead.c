/* SPDX-License-Identifier: BSD-3-Clause */
/* The loader's two threads: one reads the next step's images, the other makes their views, of low priority. */
#include "slots.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void make_view(clr_loader *loader, clr_slot *s, int i, float *scratch)
{
    const clr_loader_config *config = &loader->config;
    uint64_t epoch = (uint64_t)(s->step / clr_sampler_steps(&config->sampler));

    for (int view = 0; view < config->views; view++)
        clr_augment_apply(&config->augment[view], &s->image[i], config->size, config->sampler.seed, epoch,
                          (uint64_t)s->ids[i], (uint32_t)view, scratch,
                          s->views + ((int64_t)view * config->count + i) * loader->pixels);
}

/* A sample of the slot's turn, or -1 where all are claimed or the turn is over. */
static int claim(clr_slot *s, int64_t turn, int count)
{
    int64_t next = atomic_load(&s->next);

    do
        if (next >> 32 != turn || (int32_t)next >= count)
            return -1;
    while (!atomic_compare_exchange_weak(&s->next, &next, next + 1));
    return (int32_t)next;
}

void clr_loader_make(clr_loader *loader, clr_slot *s, int64_t turn, float *scratch)
{
    for (int i; (i = claim(s, turn, loader->config.count)) >= 0;) {
        make_view(loader, s, i, scratch);
        atomic_fetch_add_explicit(&s->made, 1, memory_order_release);
    }
}

bool clr_loader_made(const clr_loader *loader, clr_slot *s)
{
    return atomic_load_explicit(&s->made, memory_order_acquire) == loader->config.count;
}

bool clr_loader_at_rest(const clr_loader *loader, clr_slot *s)
{
    return s->state == CLR_SLOT_EMPTY || s->state == CLR_SLOT_FAILED ||
           (s->state == CLR_SLOT_READ && clr_loader_made(loader, s));
}

void *clr_loader_read_ahead(void *argument)
{
    clr_loader *loader = argument;

    pthread_mutex_lock(&loader->mutex);
    while (!loader->ending) {
        clr_slot *s = NULL;
        for (int i = 0; i < CLR_SLOTS; i++)
            if (loader->slot[i].state == CLR_SLOT_WANTED && (!s || loader->slot[i].step < s->step))
                s = &loader->slot[i];
        if (!s) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
            continue;
        }
        s->state = CLR_SLOT_READING;
        pthread_mutex_unlock(&loader->mutex);
        clr_sampler_batch(&loader->config.sampler, s->step, loader->config.first, loader->config.count, s->ids);
        for (int i = 0; loader->config.subset && i < loader->config.count; i++)
            s->ids[i] = loader->config.subset[s->ids[i]];
        clr_status st =
            clr_store_read(loader->store, s->ids, loader->config.count, loader->config.channels, s->pixels, s->image);
        pthread_mutex_lock(&loader->mutex);
        s->status = st;
        if (st != CLR_OK)
            strncpy(s->message, clr_message(), CLR_SLOT_MESSAGE - 1);
        s->state = st == CLR_OK ? CLR_SLOT_READ : CLR_SLOT_FAILED;
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

void *clr_loader_make_ahead(void *argument)
{
    clr_loader *loader = argument;

    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19); /* Linux: of this thread alone */
    pthread_mutex_lock(&loader->mutex);
    while (!loader->ending) {
        clr_slot *s = NULL;
        for (int i = 0; i < CLR_SLOTS; i++)
            if (loader->slot[i].state == CLR_SLOT_READ &&
                (int32_t)atomic_load(&loader->slot[i].next) < loader->config.count)
                s = &loader->slot[i];
        if (!s) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
            continue;
        }
        int64_t turn = s->turn;
        pthread_mutex_unlock(&loader->mutex);
        clr_loader_make(loader, s, turn, loader->scratch[loader->scratches - 1]);
        pthread_mutex_lock(&loader->mutex);
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}
