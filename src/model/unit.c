/* SPDX-License-Identifier: BSD-3-Clause */
/* y = conv(activated x); readers apply relu(scale y + shift). Backward replaces y by dy: once the coefficients of
   the batch norm's gradient are known, nothing reads y itself any more. */
#include "unit.h"

void clr_unit_forward(clr_unit *unit, clr_unit_space *space, clr_view in, clr_unit_mode mode)
{
    double begin = clr_seconds(), rows = space->total * unit->problem.p * unit->problem.q;
    bool gather = mode == CLR_UNIT_TRAIN || mode == CLR_UNIT_UPDATE;
    const clr_conv_args args = {.images = space->n,
                                .x = in.x,
                                .prologue = in.prologue,
                                .residual = in.residual,
                                .weight = clr_params_value(space->params, unit->weight),
                                .y = unit->y,
                                .moments = gather ? unit->norm.sums : NULL,
                                .workspace = space->workspace};

    clr_conv_apply(unit->solver[CLR_FORWARD], &unit->problem, CLR_FORWARD, &args);
    double middle = clr_seconds(), communicated = 0;
    *(unit->kind < 4 ? &space->times->conv[CLR_FORWARD][unit->kind] : &space->times->linear) += middle - begin;
    if (gather)
        communicated = clr_batch_norm_forward(&unit->norm, space->comm, space->params, rows, mode == CLR_UNIT_UPDATE);
    else if (mode == CLR_UNIT_INFER)
        clr_batch_norm_infer(&unit->norm, space->params);
    space->times->batch_norm_comm += communicated;
    space->times->norm += clr_seconds() - middle - communicated;
}

void clr_unit_backward_weight(clr_unit *unit, clr_unit_space *space, const clr_stored *dout, clr_view in,
                              bool accumulate)
{
    double begin = clr_seconds();
    double communicated = clr_batch_norm_backward(&unit->norm, space->comm, space->params,
                                                  space->total * unit->problem.p * unit->problem.q, accumulate);
    double middle = clr_seconds();
    const clr_conv_args args = {.images = space->n,
                                .x = in.x,
                                .prologue = in.prologue,
                                .y = unit->y,
                                .dy = unit->y,
                                .bn_backward = clr_batch_norm_input_gradient(&unit->norm, dout),
                                .dw = clr_params_grad(space->params, unit->weight),
                                .accumulate = accumulate,
                                .workspace = space->workspace};

    space->times->batch_norm_comm += communicated;
    space->times->norm += middle - begin - communicated;

    clr_conv_apply(unit->solver[CLR_BACKWARD_WEIGHT], &unit->problem, CLR_BACKWARD_WEIGHT, &args);
    *(unit->kind < 4 ? &space->times->conv[CLR_BACKWARD_WEIGHT][unit->kind] : &space->times->linear) +=
        clr_seconds() - middle;
}

clr_producer clr_unit_producer(clr_unit *unit)
{
    return (clr_producer){{.x = unit->y, .prologue = clr_batch_norm_prologue(&unit->norm, true)}, unit};
}

void clr_unit_backward_data(clr_unit *unit, clr_unit_space *space, clr_stored *dx, bool accumulate,
                            const clr_producer *below)
{
    double begin = clr_seconds();
    clr_conv_args args = {.images = space->n,
                          .weight = clr_params_value(space->params, unit->weight),
                          .dy = unit->y,
                          .dx = dx,
                          .accumulate = accumulate,
                          .workspace = space->workspace};

    if (below) {
        args.x = below->view.x;
        args.prologue = below->view.prologue;
        args.relu_backward = true;
        args.bn_input = below->unit->y;
        args.mean = below->unit->norm.mean;
        args.moments = below->unit->norm.sums;
    }
    clr_conv_apply(unit->solver[CLR_BACKWARD_DATA], &unit->problem, CLR_BACKWARD_DATA, &args);
    *(unit->kind < 4 ? &space->times->conv[CLR_BACKWARD_DATA][unit->kind] : &space->times->linear) +=
        clr_seconds() - begin;
}
