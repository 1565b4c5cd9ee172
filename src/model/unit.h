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
    float *y;
} clr_unit;

/* What a reader sees: a tensor and its lens; where it is the first reader, what the tensor is yet to be made of. */
typedef struct clr_view {
    const float *x;
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

static inline int64_t clr_unit_rows(const clr_unit *unit, int n)
{
    return (int64_t)n * unit->problem.p * unit->problem.q;
}

static inline int64_t clr_unit_floats(const clr_unit *unit, int n)
{
    return clr_unit_rows(unit, n) * unit->problem.k;
}

/* Fills y, and the norm: from the batch (TRAIN; UPDATE moves running statistics too), from running statistics
   (INFER), or not at all (AGAIN: y alone is made once more, the norm is that of before). */
void clr_unit_forward(clr_unit *unit, clr_unit_space *space, clr_view in, clr_unit_mode mode);

/* norm.sums are there (local). Fills the gradients of norm and weight; g, the gradient of the norm's output, becomes
   dy, which takes the place of y. */
void clr_unit_backward_weight(clr_unit *unit, clr_unit_space *space, const float *g, clr_view in, bool accumulate);

/* What a gradient is of: of what `seen` shows (with ReLU), in which unit's y, seen or joined, stands. */
typedef struct clr_producer {
    clr_view view;
    clr_unit *unit;
} clr_producer;

clr_producer clr_unit_producer(clr_unit *unit); /* seen by a reader of unit itself */

/* y holds dy. dx: overwritten, or added to; below not NULL: dx is masked and the norm.sums of below's unit are
   filled. */
void clr_unit_backward_data(clr_unit *unit, clr_unit_space *space, float *dx, bool accumulate,
                            const clr_producer *below);

#endif
