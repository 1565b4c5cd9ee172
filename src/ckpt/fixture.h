/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CKPT_FIXTURE_H
#define CLR_CKPT_FIXTURE_H
/* For tests: checkpoints straight from and to params and an optimizer (NULL: none). */
#include "clr/ckpt.h"
#include "clr/mem.h"

/* CLR_ENUMERIC where something is not finite, as a run says it. */
static inline clr_status fixture_write(const char *path, const clr_ckpt_meta *meta, clr_params *params,
                                       clr_optim *optim)
{
    clr_state state = clr_state_of(params, optim);
    float *scratch = CLR_NEW(float, state.largest);
    clr_status st = clr_state_check(&state);

    if (st == CLR_OK)
        st = clr_ckpt_write(path, meta, &state, scratch);
    clr_free(scratch);
    clr_state_free(&state);
    return st;
}

/* As clr_ckpt_read. */
static inline clr_status fixture_read(const char *path, clr_params *params, clr_optim *optim)
{
    clr_state state = clr_state_of(params, optim);
    clr_status st = clr_ckpt_read(path, &state);

    clr_state_free(&state);
    return st;
}

#endif
