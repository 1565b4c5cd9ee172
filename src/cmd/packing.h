/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PACKING_H
#define CLR_PACKING_H
/* The options of pack and the state of its work. All local. */
#include "clr/read.h"
#include "clr/store.h"
#include "found.h"
#include "refused.h"

/* The words of the options, in the order of their tables. */
typedef enum clr_pack_labels { CLR_LABELS_SOURCE, CLR_LABELS_NONE } clr_pack_labels;
typedef enum clr_pack_store { CLR_KEPT_PIXELS, CLR_KEPT_ENCODED } clr_pack_store;
typedef enum clr_pack_bad { CLR_BAD_FAILS, CLR_BAD_SKIPPED } clr_pack_bad;
typedef enum clr_pack_orientation { CLR_ORIENTATION_IGNORED, CLR_ORIENTATION_APPLIED } clr_pack_orientation;

typedef struct clr_pack_config {
    const char *split;
    clr_image_rules rules; /* but for upright, which orientation says */
    clr_pack_labels labels;
    clr_pack_store store;
    clr_pack_bad on_bad;
    clr_pack_orientation orientation;
    int64_t shorter;
    double test_share; /* 0: no second file */
    int64_t seed;      /* of the choice of test images */
    int64_t threads;
    bool force;
} clr_pack_config;

typedef struct clr_packing {
    const clr_pack_config *config;
    clr_source source;
    clr_store_writer *writer, *test; /* test: NULL without --test-share */
    int64_t *seen;                   /* images of each class so far */
    clr_refused refused;
    clr_found found;
    int64_t packed, tested, bytes; /* images in OUT.h5 and in the test file; of both */
    double next_word;              /* seconds: when progress is said again */
} clr_packing;

/* Reads a few images spread over the source, or only the first where all are alike (IDX, CIFAR, STL-10). Reports
   what pixels will not keep, and fails where the disk has no room for all images. */
clr_status clr_pack_look_ahead(clr_packing *p, const char *from);

/* Reads every image of the source and appends it to the writer, or lists it as refused. */
clr_status clr_pack_all(clr_packing *p);

#endif
