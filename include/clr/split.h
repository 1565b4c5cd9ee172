/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_SPLIT_H
#define CLR_SPLIT_H
/* How a global batch is split among ranks and microbatches. G images: rank r holds a contiguous share of B of them,
   from clr_share(G, ranks, r) on. Image p of the global batch belongs to microbatch p mod M, whichever rank holds it:
   what a batch norm sees depends on M, never on the number of ranks. Local, and values only. */
#include "clr/err.h"
#include "clr/opt.h"
#include <stdint.h>

typedef struct clr_split {
    int64_t images;   /* G */
    int64_t first;    /* the first image of this rank's share */
    int mine;         /* B */
    int microbatches; /* M */
    int most;         /* the most images of one microbatch that a rank holds, over all ranks */
    int views;        /* of an image: CLR_VIEWS unless the caller says otherwise, 1 for supervised training */
} clr_split;

extern const clr_opt clr_microbatch_option[]; /* --microbatch, into an int64_t */

/* microbatch: the most images that all ranks together encode at a time; 0: all. */
clr_split clr_split_of(int64_t images, int64_t microbatch, int ranks, int rank);

/* CLR_EUSAGE where a rank would be left without images, or a microbatch without two for each rank. option: what gives
   the images, with its value, for the message ("--batch=8"). */
clr_status clr_split_check(int64_t images, int64_t microbatch, int ranks, const char *option);

/* Of this rank's images in microbatch i: the first one's place in its share (the others follow in steps of M), and
   how many there are. */
int clr_split_first(const clr_split *split, int i);
int clr_split_count(const clr_split *split, int i);
int64_t clr_split_total(const clr_split *split, int i); /* images of microbatch i over all ranks */

#endif
