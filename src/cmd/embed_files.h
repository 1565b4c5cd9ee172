/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CMD_EMBED_FILES_H
#define CLR_CMD_EMBED_FILES_H
/* Features as files that appear whole. Local; rank 0. */
#include "clr/features.h"

typedef struct clr_embedded {
    const char *path, *data, *checkpoint; /* where to; where from */
    int64_t step;
    clr_store *store; /* names, classes and labels of the rows */
    int matrices;
    const char *name[2]; /* "h", "head1", "z" */
    const clr_features *features[2];
} clr_embedded;

typedef struct clr_embed_form {
    const char *ending; /* of the file's name */
    int most;           /* matrices that fit into a file */
    clr_status (*write)(const clr_embedded *e);
    char *(*beside)(const char *path); /* another file that it writes, freed by clr_free; NULL: none */
} clr_embed_form;

/* By the ending: NumPy's array of fp32 (PATH, and the rows' names and classes beside it in PATH without .npy, .tsv), a
   comma-separated table, or for any other ending HDF5. */
const clr_embed_form *clr_embed_form_of(const char *path);

#endif
