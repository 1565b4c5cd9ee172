/* SPDX-License-Identifier: BSD-3-Clause */
#include "nonfinite.h"

#include <stdio.h>

static bool all_finite(const float *x, int64_t n)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += 0 * x[i]; /* 0, or NaN */
    return sum == 0;
}

const char *clr_nonfinite_gradient(const clr_params *params)
{
    for (int e = params->weights.entries - 1; e >= 0; e--)
        if (!all_finite(clr_params_grad(params, e), params->weights.entry[e].count))
            return params->weights.entry[e].name;
    return NULL;
}

/* Reports NaN or Inf. A rank whose own numbers are not finite has reported it already; where none has, rank 0
   reports for all. */
static clr_status agree(clr_comm *comm, bool here, const char *otherwise, clr_step_result *result)
{
    double anybody = here;

    clr_comm_allreduce_max_double(comm, &anybody, 1);
    result->nonfinite_here = here || (anybody == 0 && clr_comm_rank(comm) == 0);
    if (here)
        return CLR_ENUMERIC;
    return clr_fail(CLR_ENUMERIC, "%s", otherwise);
}

clr_status clr_nonfinite_loss(clr_comm *comm, const clr_nonfinite_rows *rows, clr_step_result *result)
{
    for (int j = 0; j < rows->images && result->nonfinite_images < CLR_STEP_NONFINITE; j++)
        for (int view = 0, bad = 0; view < rows->views && !bad; view++)
            if ((bad = !all_finite(rows->z + ((int64_t)view * rows->images + j) * rows->dim, rows->dim)))
                result->nonfinite_image[result->nonfinite_images++] = j;
    if (result->nonfinite_images)
        clr_fail(CLR_ENUMERIC, "embeddings are not finite");
    return agree(comm, result->nonfinite_images > 0, "the loss is not a finite number", result);
}

clr_status clr_nonfinite_sum(clr_comm *comm, const char *sum, const char *own, clr_step_result *result)
{
    char otherwise[160];

    if (own)
        clr_fail(CLR_ENUMERIC, "the gradient of %s is not finite (the first one that the backward pass computes)", own);
    snprintf(otherwise, sizeof otherwise, "the gradient of %s, summed over ranks, is not finite",
             sum ? sum : "all parameters together");
    return agree(comm, own != NULL, otherwise, result);
}
