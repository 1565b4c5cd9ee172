/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CONV_H
#define CLR_CONV_H
/* Convolutions: a problem (shapes), a table of solvers (algorithms), a planner that chooses. A solver is one file
   and one word in src/conv/solvers.h. The reference solver serves every problem, and tests compare the others with it.

   x (N, H, W, C), weight (R, S, C, K), y (N, P, Q, K), P = (H + 2 pad - R) / stride + 1.

   A network stores each convolution's raw output y once. What surrounds a convolution is therefore computed by it,
   while the data is in cache:

   Prologue. The batch norm and ReLU in front of a convolution: it reads relu(scale[c] * x + shift[c]), the activated x.
   Padding is zero in the activated values.

   Moments. forward: sum y and sum y^2 over the N*P*Q rows, by channel, in double. They are gathered while the output
   tile is in cache, inside a chunk of rows relative to a pivot, because fp32 must not subtract large near-equal sums
   (src/conv/moments.h).

   Residual. out = relu(prologue(y) + other(shortcut)) is the output of a residual block. The convolution that reads it
   first computes it, when `residual` is given, and stores it in the place of x. x then has no prologue.

   ReLU's backward. backward_data with `relu_backward`: dx is masked by the prologue's ReLU, and moments are sum dx and
   sum dx * (bn_input - mean[c]), which the batch norm in front needs. bn_input is that norm's own input: x itself, or,
   when x is a residual block's output, the y of the block's last convolution. With accumulate the whole sum is masked.

   Batch norm's backward. backward_weight is the first to read dy. With `bn_backward` it computes dy from y and from g,
   the gradient of the output of the batch norm behind y, and stores it in the place of y. */

#include "clr/comm.h"
#include "clr/opt.h"
#include "clr/err.h"
#include "clr/tensor.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum clr_direction { CLR_FORWARD, CLR_BACKWARD_DATA, CLR_BACKWARD_WEIGHT, CLR_DIRECTIONS } clr_direction;

typedef struct clr_conv_problem {
    int n, h, w, c, k, r, s, stride, pad, p, q;
    clr_dtype dtype;
} clr_conv_problem;

/* Fills p and q; dtype is fp32. */
clr_conv_problem clr_conv_problem_of(int n, int h, int w, int c, int k, int kernel, int stride, int pad);

/* 2 * multiply-adds of the direct method in one direction. */
double clr_conv_flops(const clr_conv_problem *problem);

typedef struct clr_prologue {
    const float *scale, *shift; /* C each; NULL: identity (relu then counts only for relu_backward) */
    bool relu;
} clr_prologue;

/* out = relu(prologue(y) + other(shortcut)). */
typedef struct clr_conv_residual {
    const clr_stored *y, *shortcut; /* (N, H, W, C); y NULL: no residual */
    clr_prologue prologue, other;
    clr_stored *out;
} clr_conv_residual;

/* dy = a g + b (y - mean) + c, by channel. */
typedef struct clr_conv_bn_backward {
    const clr_stored *g;           /* (N, P, Q, K); NULL: none */
    const float *a, *b, *c, *mean; /* K each */
} clr_conv_bn_backward;

/* Nothing overlaps. Unused pointers are NULL. The first n' <= n images may be done: `images`. */
typedef struct clr_conv_args {
    int images;                       /* how many of problem.n are there */
    const clr_stored *x;              /* forward, backward_weight; backward_data: only with relu_backward */
    clr_prologue prologue;            /* of x */
    clr_conv_residual residual;       /* forward: residual.out is x */
    const float *weight;              /* forward, backward_data */
    clr_stored *y;                    /* forward: overwritten; backward_weight with bn_backward: becomes dy */
    const clr_stored *dy;             /* backward_*; with bn_backward: the same pointer as y */
    clr_conv_bn_backward bn_backward; /* backward_weight */
    clr_stored *dx;                   /* backward_data: overwritten, or added to */
    float *dw;                        /* backward_weight: overwritten, or added to */
    bool accumulate;                  /* add to dx or dw */
    bool relu_backward;               /* backward_data: mask dx by the prologue's ReLU, fill moments */
    const clr_stored *bn_input;       /* relu_backward: of x's shape, or NULL: x itself */
    const float *mean;                /* relu_backward: C */
    double *moments;                  /* NULL, or 2K (forward), 2C (relu_backward): overwritten */
    void *workspace;                  /* of clr_conv_workspace() bytes, aligned to CLR_ALIGN */
} clr_conv_args;

typedef struct clr_conv_solver {
    const char *name, *help;
    unsigned directions; /* 1 << CLR_FORWARD | ... */
    unsigned dtypes;     /* storage types of x, y, dx, dy: 1 << CLR_FP32 | ... */
    bool fuses;          /* moments, ReLU's and batch norm's backward; else clr_conv_apply makes passes of its own */
    bool (*adds_residual)(const clr_conv_problem *problem); /* NULL: never; then clr_conv_apply makes a pass */
    bool (*applicable)(const clr_conv_problem *problem, clr_direction direction);
    /* seconds, deterministic */
    double (*estimate)(const clr_conv_problem *problem, clr_direction direction, int threads);
    size_t (*workspace)(const clr_conv_problem *problem, clr_direction direction, int threads);
    void (*apply)(const clr_conv_problem *problem, clr_direction direction, const clr_conv_args *args);
} clr_conv_solver;

/* Local. Whether solver computes this direction of this problem, in its storage type. */
bool clr_conv_serves(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction);

extern const clr_conv_solver *const clr_conv_solvers[]; /* ends with NULL; the reference solver comes last */

/* Local. Runs the solver, and for what it does not fuse (residual, ReLU's backward, moments, batch norm's backward)
   passes over memory. Uses omp_get_max_threads() threads; the same number of threads gives the same bits. */
void clr_conv_apply(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction,
                    const clr_conv_args *args);

/* Local. The same passes without a convolution, on tensors of a storage type. residual_add: out of rows (rows,
   channels). relu_backward: masks dx (rows, channels) and fills moments; it reads args dx, x, prologue, bn_input, mean,
   moments, and workspace of clr_conv_sums_bytes(channels) bytes. */
void clr_conv_residual_add(clr_dtype dtype, const clr_conv_residual *residual, int64_t rows, int channels);
void clr_conv_relu_backward(clr_dtype dtype, const clr_conv_args *args, int64_t rows, int channels);
size_t clr_conv_sums_bytes(int channels);

/* Local. Seconds that solver takes for all images: the best of a few runs on random numbers, with everything that is
   fused. error: NULL, or set to the relative L2 distance from the reference solver, on as many images as that one does
   in a second or two. */
double clr_conv_time(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction,
                     double *error);

/* --dtype, into a clr_dtype. */
extern const clr_opt clr_dtype_option[];

/* Local. CLR_EUSAGE where no solver serves convolutions of this storage type in every direction. */
clr_status clr_conv_check_dtype(clr_dtype dtype);

/* The planner: which solver serves a problem. */
typedef struct clr_planner clr_planner;

/* --plan, into a const char *: how, for clr_planner_open. */
extern const clr_opt clr_plan_option[];

/* Collective. how: "estimate" (deterministic), "measure" (times every applicable member); the maximum over ranks
   counts. Each with an optional list of the members allowed ("estimate:winograd4,reference"; a leading "-" forbids:
   "measure:-winograd4"). path: NULL, or a plan file: read by rank 0 and broadcast where it exists and was made by the
   same CPU model, instruction set and program version; clr_planner_save writes it. Unknown members are CLR_EUSAGE with
   the nearest. */
clr_status clr_planner_open(clr_comm *comm, const char *how, const char *path, clr_planner **planner);
void clr_planner_close(clr_planner *planner); /* accepts NULL */

/* Collective. The same answer on every rank; never NULL. */
const clr_conv_solver *clr_planner_choose(clr_planner *planner, const clr_conv_problem *problem,
                                          clr_direction direction);

/* Collective, before the first choice. Takes the choices of text, which clr_planner_text made (rank 0's; others pass
   NULL), where that was with this instruction set and number of threads: then the same solvers give the same bits, on
   whatever processor. Whether it did; the same on every rank. What is not in it, or no longer allowed, is planned. */
bool clr_planner_take(clr_planner *planner, const char *text);

/* Local. How many choices there are; and they as text, a plan file's, freed by clr_free. */
int clr_planner_choices(const clr_planner *planner);
char *clr_planner_text(const clr_planner *planner);

/* Local; rank 0 calls it. Written under a temporary name and renamed. */
clr_status clr_planner_save(const clr_planner *planner, const char *path);

/* Local. Bytes for this solver with omp_get_max_threads() threads. */
size_t clr_conv_workspace(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction);

#endif
