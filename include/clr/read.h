#ifndef CLR_READ_H
#define CLR_READ_H
/* Readers: what `pack` can turn into a store. A family: one file a member, the words in src/read/readers.h. Local. */

#include "clr/err.h"
#include "clr/image.h"

#include <stdbool.h>
#include <stdint.h>

/* One example as its source has it. */
typedef struct clr_example {
    clr_image image;   /* owned by the caller after next, freed by clr_image_free */
    int label;         /* -1: none */
    char *name;        /* where it came from ("cats/1.png", "train-images-idx3-ubyte.gz[17]"), freed by clr_free */
    uint8_t *encoded;  /* the file's own bytes where there are any, else NULL; freed by clr_free */
    int64_t encoded_bytes;
} clr_example;

typedef struct clr_reader clr_reader;

/* Where the examples come from; members keep their state in own. */
typedef struct clr_source {
    const clr_reader *reader;
    void *own;
    int64_t examples;     /* how many there are to try */
    char **classes;       /* names of the labels, NULL where there are none */
    int class_count;
    char *folder;         /* that the names of examples are below, for messages; freed by clr_read_close */
} clr_source;

struct clr_reader {
    const char *name, *help;
    bool parallel; /* read may be called from several threads at once */
    /* Whether path (a file or a folder) is this reader's; decided by content. */
    bool (*probe)(const char *path);
    /* split: "train", "test", "val" or NULL. Fails with CLR_EINPUT where the source as a whole is unusable. */
    clr_status (*open)(const char *path, const char *split, clr_source *source);
    /* Example number i. CLR_EINPUT with a reason (which does not repeat the name): this one is bad, name is set, others may be
       good. Anything else: the source has failed. */
    clr_status (*read)(clr_source *source, int64_t i, clr_example *example);
    void (*close)(clr_source *source);
};

/* Finds the member whose probe says yes, and opens it. */
clr_status clr_read_open(const char *path, const char *split, clr_source *source);
void clr_read_close(clr_source *source);

#endif
