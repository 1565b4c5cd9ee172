/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_SLOTS_H
#define CLR_SLOTS_H
/* The loader's buffers, shared by its threads (ahead.c) and the training thread (loader.c). All local. */
#include "clr/loader.h"

#include <pthread.h>
#include <stdatomic.h>

enum { CLR_SLOTS = 2, CLR_SLOT_MESSAGE = 1024 };

typedef enum clr_slot_state {
    CLR_SLOT_EMPTY,
    CLR_SLOT_WANTED,
    CLR_SLOT_READING,
    CLR_SLOT_READ,
    CLR_SLOT_FAILED
} clr_slot_state;

/* One step's views, on their way. */
typedef struct clr_slot {
    int64_t step;
    int64_t turn; /* how often it was filled */
    clr_slot_state state;
    int64_t *ids;
    void *pixels; /* of the images as read */
    clr_image *image;
    float *views;
    atomic_int_least64_t next; /* turn << 32 | the next sample to claim */
    atomic_int made;           /* samples */
    clr_status status;
    char message[CLR_SLOT_MESSAGE];
} clr_slot;

struct clr_loader {
    clr_store *store;
    clr_loader_config config;
    int64_t pixels; /* floats of a view */
    clr_slot slot[CLR_SLOTS];
    int scratches;
    float **scratch; /* one a thread; the last is the background thread's */
    pthread_t io, maker;
    bool io_runs, maker_runs;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ending;
};

/* Makes views of the slot until all samples of this turn are claimed; any number of threads at once. */
void clr_loader_make(clr_loader *loader, clr_slot *s, int64_t turn, float *scratch);

/* Whether all views of the slot are made. */
bool clr_loader_made(const clr_loader *loader, clr_slot *s);

/* With the mutex held: whether the slot may be filled with another step. */
bool clr_loader_at_rest(const clr_loader *loader, clr_slot *s);

/* The threads; argument: the loader. They end when loader->ending is set. */
void *clr_loader_read_ahead(void *argument);
void *clr_loader_make_ahead(void *argument);

#endif
