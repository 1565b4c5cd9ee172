#ifndef CLR_CONV_H
#define CLR_CONV_H
/* The convolution seam: a problem, a table of solvers, a plan. A solver is one file and one word in
   src/conv/solvers.h; the plain reference member serves every problem and is what tests compare with.

   x (N, H, W, C), weight (R, S, C, K), y (N, P, Q, K), P = (H + 2 pad - R) / stride + 1.

   Lens. A unit stores its convolution's raw output; batch norm and ReLU are applied by whoever reads it: the value seen
   is relu(scale[c] * x + shift[c]). Padding is zero in the *seen* values.

   Moments, gathered while the output tile is in cache, in double: forward, sum y and sum y^2 over the N*P*Q rows, by
   channel; inside a chunk of rows relative to a pivot, so that fp32 never subtracts large near-equal sums
   (src/conv/moments.h). backward_data with `seen`: dx is the gradient of the *seen* input, masked by its ReLU, and the
   moments are sum dx and sum dx * (about - mean[c]): what the batch norm below needs. That norm's own input is x, or,
   where x is what a join of it with a shortcut shows, `about`. With accumulate the whole sum is masked.

   Join. forward is the first to read what a block puts out, relu(lens of y + other of shortcut); with `join` it makes
   it, in the place of x, which is then seen as it is.

   Turn. backward_weight is the first to read dy, the gradient of y; with `turn` it makes it of y and of g, the gradient
   of what the batch norm behind y puts out, in the place of y. */

#include "clr/comm.h"
#include "clr/err.h"
#include "clr/tensor.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum clr_direction { CLR_FORWARD, CLR_BACKWARD_DATA, CLR_BACKWARD_WEIGHT, CLR_DIRECTIONS } clr_direction;

typedef struct clr_conv_problem {
    int n, h, w, c, k, r, s, stride, pad, p, q;
    clr_dtype dtype;
} clr_conv_problem;

/* Fills p and q. */
clr_conv_problem clr_conv_problem_of(int n, int h, int w, int c, int k, int kernel, int stride, int pad);

/* 2 * multiply-adds of the direct method in one direction. */
double clr_conv_flops(const clr_conv_problem *problem);

typedef struct clr_prologue {
    const float *scale, *shift; /* C each; NULL: the tensor is seen as it is (relu: only for backward_data with seen) */
    bool relu;
} clr_prologue;

/* out = relu(lens of y + other of shortcut). */
typedef struct clr_conv_residual {
    const float *y, *shortcut; /* (N, H, W, C); y NULL: no join */
    clr_prologue prologue, other;
    float *out;
} clr_conv_residual;

/* dy = a g + b (y - mean) + c, by channel. */
typedef struct clr_conv_bn_backward {
    const float *g, *a, *b, *c, *mean; /* (N, P, Q, K), NULL: no turn; K each */
} clr_conv_bn_backward;

/* Nothing overlaps. Unused pointers are NULL. The first n' <= n images may be done: `images`. */
typedef struct clr_conv_args {
    int images;                       /* how many of problem.n are there */
    const float *x;                   /* forward, backward_weight; backward_data: only with seen */
    clr_prologue prologue;            /* how x is seen */
    clr_conv_residual residual;       /* forward: its out is x */
    const float *weight;              /* forward, backward_data */
    float *y;                         /* forward: overwritten; backward_weight with turn: becomes dy */
    const float *dy;                  /* backward_*; with turn: the same as y */
    clr_conv_bn_backward bn_backward; /* backward_weight */
    float *dx;                        /* backward_data: overwritten, or added to */
    float *dw;                        /* backward_weight: overwritten, or added to */
    bool accumulate;                  /* add to dx or dw */
    bool relu_backward;               /* backward_data: mask dx by the lens' ReLU on x, and fill moments about mean */
    const float *bn_input;            /* backward_data with seen: of x's shape, or NULL: x itself */
    const float *mean;                /* backward_data with seen: C */
    double *moments;                  /* NULL, or 2K (forward), 2C (backward_data with seen): overwritten */
    void *workspace;                  /* of clr_conv_workspace() bytes, aligned to CLR_ALIGN */
} clr_conv_args;

typedef struct clr_conv_solver {
    const char *name, *help;
    unsigned directions; /* 1 << CLR_FORWARD | ... */
    bool fuses;          /* moments, mask and turn; else the seam makes passes of its own for them */
    bool (*adds_residual)(const clr_conv_problem *problem); /* NULL: never; else the seam makes a pass of its own */
    bool (*applicable)(const clr_conv_problem *problem, clr_direction direction);
    double (*estimate)(const clr_conv_problem *problem, clr_direction direction,
                       int threads); /* seconds, deterministic */
    size_t (*workspace)(const clr_conv_problem *problem, clr_direction direction, int threads);
    void (*apply)(const clr_conv_problem *problem, clr_direction direction, const clr_conv_args *args);
} clr_conv_solver;

extern const clr_conv_solver *const clr_conv_solvers[]; /* ends with NULL; the reference member comes last */

/* Local. Runs solver and, where it does not itself, the passes for join, mask, moments and turn. Uses
   omp_get_max_threads() threads; the same number gives the same bits. */
void clr_conv_apply(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction,
                    const clr_conv_args *args);

/* Local. Passes alone, where no convolution makes them: the join of rows (rows, channels); mask and moments of dx
   (rows, channels) as of backward_data with seen, of args dx, x, lens, about, mean, moments, and a workspace of
   clr_conv_sums_bytes(channels). */
void clr_conv_residual_add(const clr_conv_residual *residual, int64_t rows, int channels);
void clr_conv_relu_backward(const clr_conv_args *args, int64_t rows, int channels);
size_t clr_conv_sums_bytes(int channels);

/* Local. Seconds that solver takes for all images: the best of a few runs on random numbers, lens, mask, moments and
   turn included. error: NULL, or set to the relative L2 distance from the reference member, on as many images as that
   one does in seconds. */
double clr_conv_time(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction,
                     double *error);

/* The planner: which solver serves a problem. */
typedef struct clr_planner clr_planner;

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

/* Local; rank 0 calls it. Written under a temporary name and renamed. */
clr_status clr_planner_save(const clr_planner *planner, const char *path);

/* Local. Bytes for this solver with omp_get_max_threads() threads. */
size_t clr_conv_workspace(const clr_conv_solver *solver, const clr_conv_problem *problem, clr_direction direction);

#endif
