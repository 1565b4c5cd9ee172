/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_READ_H
#define CLR_READ_H
/* Readers: what `pack` can turn into a store. A family: one file a member, the words in src/read/readers.h. Local. */

#include "clr/err.h"
#include "clr/image.h"

#include <stdbool.h>
#include <stdint.h>

/* One example as its source has it. */
typedef struct clr_example {
    clr_image image;  /* owned by the caller after next, freed by clr_image_free */
    int label;        /* -1: none */
    char *name;       /* where it came from ("cats/1.png", "train-images-idx3-ubyte.gz[17]"), freed by clr_free */
    uint8_t *encoded; /* the file's own bytes where there are any, else NULL; freed by clr_free */
    int64_t encoded_bytes;
    clr_image_info info; /* where image was decoded, else zeroed */
} clr_example;

typedef struct clr_reader clr_reader;
struct clr_place; /* src/read/place.h */

/* What of a source is wanted, and how. */
typedef struct clr_read_how {
    const char
        *split; /* a part of it, in any spelling ("train", "Training"), or a folder below it; "." of a folder tree: all
                   of it, every folder a class; NULL: all of a folder tree, the training part of other sources */
    bool unlabelled; /* no labels, and of a folder tree all parts together */
} clr_read_how;

/* Where the examples come from; members keep their state in own. */
typedef struct clr_source {
    const clr_reader *reader;
    void *own;
    int64_t examples;   /* how many there are to try */
    char **classes;     /* names of the labels, NULL where there are none */
    int64_t *per_class; /* how many examples each class has, or NULL where that is not known yet */
    int class_count;
    char *folder;          /* that the names of examples are below, for messages; freed by clr_read_close */
    clr_image_rules rules; /* how files become pixels; the caller's to set before it reads */
} clr_source;

struct clr_reader {
    const char *name, *help;
    bool parallel; /* read may be called from several threads at once */
    /* Whether this source is the reader's. */
    bool (*probe)(const struct clr_place *place);
    /* Fails with CLR_EINPUT where the source as a whole is unusable, CLR_EUSAGE where how does not fit it. */
    clr_status (*open)(const struct clr_place *place, const clr_read_how *how, clr_source *source);
    /* Example number i. CLR_EINPUT with a reason (which does not repeat the name): its bytes show that this one is bad,
       name is set, others may be good. Anything else: the source has failed, or the memory does not suffice; it says
       nothing about the example. */
    clr_status (*read)(clr_source *source, int64_t i, clr_example *example);
    void (*close)(clr_source *source);
};

/* Finds the member whose probe says yes, and opens it; the source is closed where that fails. The second is the first
   with labels. */
clr_status clr_read_open_how(const char *path, const clr_read_how *how, clr_source *source);
clr_status clr_read_open(const char *path, const char *split, clr_source *source);
void clr_read_close(clr_source *source);

/* Says what was found at path, and what became a class. */
void clr_read_say(const clr_source *source, const char *path);

#endif
