/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_EVAL_PRECONDITION_H
#define CLR_EVAL_PRECONDITION_H
/* Variables in which softmax regression is well conditioned. Near its start the objective's Hessian is about

     M = c X^T X / n + diag(l2 inverse^2) / n,      c = (K - 1) / K^2, the variance of a class at even odds,

   for each of the K classes. With M = L L^T the variables are U = L^T V (see regression.h for V): in them the Hessian
   is about 1, so that an l2 strength takes tens of iterations, where correlated features take many hundreds. Only the
   way to the minimum depends on M: X^T X is of a part of the rows. */
#include "regression.h"

typedef struct clr_precondition {
    int dim, classes;
    float *gram;   /* (dim, dim), the lower triangle: X^T X / n of standardised features; NULL: V itself is used */
    float *factor; /* (dim, dim), the lower triangle: L */
    double bias;   /* the same for the last row of V */
} clr_precondition;

/* Collective. From the rows that r has. Freed by clr_precondition_free. */
void clr_precondition_open(clr_regression *r, clr_precondition *c);
void clr_precondition_free(clr_precondition *c);

/* Collective. L for the l2 and the number of rows that r has; the same bits on every rank. */
void clr_precondition_set(const clr_regression *r, clr_precondition *c);

/* Local. In place, (dim + 1, classes): V to U; U to V; the gradient by V to that by U. */
void clr_precondition_to_u(const clr_precondition *c, double *v);
void clr_precondition_to_v(const clr_precondition *c, double *u);
void clr_precondition_gradient(const clr_precondition *c, double *gradient);

#endif
