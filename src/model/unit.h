/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_UNIT_H
#define CLR_UNIT_H
/* A unit: a convolution (or linear layer: a 1x1 convolution of 1x1 images) whose raw output y is stored once, and
   the batch norm that its readers apply. */
#include "clr/encoder.h"
#include "clr/nn.h"

typedef struct clr_unit {
    clr_conv_problem problem;
    const clr_conv_solver *solver[CLR_DIRECTIONS];
    int weight; /* entry */
    int kind;   /* of clr_encoder_times.conv; 4: linear */
    clr_batch_norm norm;
    size_t at_norm[2];
    int y_range;
    clr_stored *y;
} clr_unit;

/* The input of a unit: a tensor, its prologue, and, when this unit is its first reader, the residual that it is to
   be added up from. */
typedef struct clr_view {
    const clr_stored *x;
    clr_prologue prologue;
    clr_conv_residual residual;
} clr_view;

/* The state that all units share. */
typedef struct clr_unit_space {
    clr_comm *comm; /* NULL: statistics of this rank alone */
    int n;          /* views of the latest forward */
    double total;   /* views that its statistics cover */
    clr_params *params;
    void *workspace;
    clr_encoder_times *times;
} clr_unit_space;

typedef enum clr_unit_mode { CLR_UNIT_TRAIN, CLR_UNIT_UPDATE, CLR_UNIT_RECOMPUTE, CLR_UNIT_INFER } clr_unit_mode;

/* Rows (pixels) of y for n views. */
static inline int64_t clr_unit_rows(const clr_unit *unit, int n)
{
    return (int64_t)n * unit->problem.p * unit->problem.q;
}

/* Elements of y for n views. */
static inline int64_t clr_unit_elements(const clr_unit *unit, int n)
{
    return clr_unit_rows(unit, n) * unit->problem.k;
}

/* TRAIN: fills y, and the norm from the batch. UPDATE: TRAIN, and running statistics move. RECOMPUTE: fills y a
   second time, the norm stays. INFER: fills y, and the norm from running statistics. Collective in TRAIN and UPDATE
   where space->comm is not NULL; else local. */
void clr_unit_forward(clr_unit *unit, clr_unit_space *space, clr_view in, clr_unit_mode mode);

/* dout: gradient of the activated output, (n, p, q, k), already masked and with norm.sums of this rank filled.
   Computes dy in the place of y, and the gradients of norm and weight. Collective where space->comm is not NULL; else
   local. */
void clr_unit_backward_weight(clr_unit *unit, clr_unit_space *space, const clr_stored *dout, clr_view in,
                              bool accumulate);

/* Whose output a gradient belongs to: the tensor with its ReLU as its readers have it, and the unit whose norm needs
   the gradient's sums. */
typedef struct clr_producer {
    clr_view view;
    clr_unit *unit;
} clr_producer;

/* Local. Of a unit whose readers apply its norm and ReLU. */
clr_producer clr_unit_producer(clr_unit *unit);

/* Local. y holds dy. dx, the gradient of the unit's input: overwritten, or added to where accumulate. below: NULL,
   or whose output that input is: then dx is masked by its ReLU, and the norm.sums of below's unit are filled. */
void clr_unit_backward_data(clr_unit *unit, clr_unit_space *space, clr_stored *dx, bool accumulate,
                            const clr_producer *below);

#endif
