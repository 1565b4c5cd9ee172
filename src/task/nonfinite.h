/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_NONFINITE_H
#define CLR_NONFINITE_H
/* Finds the tensor, rank and image where the NaN and infinities of a step began. */
#include "clr/step.h"

/* Embeddings of both views of this rank's images: (2 * images, dim), view-major. */
typedef struct clr_nonfinite_rows {
    const float *z;
    int views, images, dim;
} clr_nonfinite_rows;

/* Collective. Fills nonfinite_here and nonfinite_image of result; returns CLR_ENUMERIC with this rank's sentence. */
clr_status clr_nonfinite_loss(clr_comm *comm, const clr_nonfinite_rows *rows, clr_step_result *result);

/* Local. The name of the first parameter, in the order of backward, whose gradient is not finite; or NULL. */
const char *clr_nonfinite_gradient(const clr_params *params);

/* Collective. sum: that of the gradients summed over ranks; own: that of this rank's gradients alone. Either may be
   NULL. As clr_nonfinite_loss. */
clr_status clr_nonfinite_sum(clr_comm *comm, const char *sum, const char *own, clr_step_result *result);

#endif
