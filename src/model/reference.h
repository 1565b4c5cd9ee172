/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_MODEL_REFERENCE_H
#define CLR_MODEL_REFERENCE_H
/* For tests: the same network as a plain list of operations in double precision, every tensor kept, all batch norms
   over the whole batch that it is given. Parameters are found by name; nothing of src/nn or src/conv is used. Local. */

#include "clr/encoder.h"

typedef struct reference reference;

/* Takes names and values from params, which may go afterwards. x: (n, size, size, channels). */
reference *reference_new(const clr_encoder_config *config, const clr_params *params, int n);
void reference_free(reference *r);

/* infer: running statistics; else the batch's, and running statistics move. */
void reference_forward(reference *r, const float *x, bool infer);
/* The smallest input of any ReLU: nearer to zero than rounding, it may be open here and shut in fp32, and one such
   flip outweighs all rounding. */
double reference_margin(const reference *r);
const double *reference_h(const reference *r); /* (n, features) */
const double *reference_z(const reference *r); /* (n, outputs) */

/* Gradients of sum dz z for the latest forward. */
void reference_backward(reference *r, const double *dz);

/* Blocks laid out as params.h says. */
double *reference_values(reference *r);
const double *reference_grads(const reference *r);
const double *reference_states(const reference *r);

/* Relative L2 distance of n floats from the reference's. */
double reference_distance(const float *got, const double *want, int64_t n);

#endif
