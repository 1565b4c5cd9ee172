#ifndef CLR_CKPT_IMAGE_H
#define CLR_CKPT_IMAGE_H
/* What a checkpoint holds apart from its facts: blocks of floats and the tables that cut them. */

#include "clr/ckpt.h"

#include <dirent.h>

enum { CLR_CKPT_SLOTS = 4 };

typedef struct clr_ckpt_image {
    const clr_table *weights, *states;
    float *value, *state; /* of weights, of states */
    int64_t batches;
    const char *optimizer; /* NULL: weights only */
    int slots;
    const char *slot_name[CLR_CKPT_SLOTS];
    float *slot[CLR_CKPT_SLOTS]; /* of weights */
} clr_ckpt_image;

/* Points into params and optim (may be NULL): nothing is copied. */
clr_ckpt_image clr_ckpt_image_of(const clr_params *params, clr_optim *optim);

/* The same layout in memory of its own, closed by clr_ckpt_image_close; and the contents of one into the other. */
clr_ckpt_image clr_ckpt_image_like(const clr_ckpt_image *image);
void clr_ckpt_image_copy(clr_ckpt_image *to, const clr_ckpt_image *from);
void clr_ckpt_image_close(clr_ckpt_image *image);

/* Whether all is finite; CLR_ENUMERIC names the step, which is for the message, and the first tensor that is not. */
clr_status clr_ckpt_image_check(const clr_ckpt_image *image, int64_t step);

/* Floats that the scratch of clr_ckpt_write_image needs. */
int64_t clr_ckpt_scratch(const clr_ckpt_image *image);
clr_status clr_ckpt_write_image(const char *path, const clr_ckpt_facts *facts, const clr_ckpt_image *image, float *scratch);

/* FOLDER/latest, whole or as it was: name. */
clr_status clr_ckpt_put_latest(const char *folder, const char *name);

/* The step in a name such as step-00000100.h5, -1 for other names. */
int64_t clr_ckpt_step_of(const char *name);

/* scandir of the checkpoints in a folder, newest first; freed as scandir's. -1 with errno where it cannot be listed. */
int clr_ckpt_scan(const char *folder, struct dirent ***entry);

#endif
