/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_ENCODER_H
#define CLR_ENCODER_H
/* The network: ResNet encoder f (He et al. 2015, torchvision's v1.5 form and names) and projection head g. h = f(x)
   is the global mean of the last group, z = g(h). Layers are built of units: a convolution whose raw output is stored
   once, followed by batch norm (+ ReLU), which its readers apply (the prologue of conv.h).

   Collective in training (batch norm's sums where they are global, else the mean of running statistics, so that all
   ranks hold the same); every rank calls with its own views, some perhaps with none, and all make the same sequence of
   calls. */

#include "clr/comm.h"
#include "clr/conv.h"
#include "clr/params.h"

typedef enum clr_stem { CLR_STEM_IMAGENET, CLR_STEM_CIFAR } clr_stem;
typedef enum clr_head { CLR_HEAD_NONE, CLR_HEAD_LINEAR, CLR_HEAD_NONLINEAR } clr_head;

typedef enum clr_bn { CLR_BN_GLOBAL, CLR_BN_LOCAL } clr_bn; /* statistics over all ranks; of each rank's own views */

typedef struct clr_encoder_config {
    int depth;    /* 18, 34, 50, 101, 152 */
    double width; /* channels times this: int(64 * width) must be at least 1 */
    clr_stem stem;
    int size, channels; /* of a view */
    clr_head head;
    int head_layers; /* nonlinear: 2 in the paper */
    int head_dim;    /* D: of z */
    clr_dtype dtype; /* of stored activations and their gradients; not of h and z */
    clr_bn bn;
    bool recompute; /* keep only blocks' inputs; the same numbers for less memory and more time */
    int frozen; /* 0: all is trained; 1: not the stem; 1 + g: nor the groups 1..g. What is frozen keeps its weights, and
                       its batch norms use running statistics, which stay */
    bool head_relu; /* z is the head's last layer after its ReLU, a tap inside a longer head */
    int views;      /* the most that one call gets */
    bool training;  /* whether backward will be called: memory for gradients and stored tensors */
} clr_encoder_config;

extern const clr_opt clr_encoder_options[]; /* --arch, --width, --stem, --bn, --recompute, into a clr_encoder_config */
extern const clr_opt clr_head_options[];    /* --head, --head-layers, --head-dim, into the same */

/* Local. The depth of the ResNet with so many blocks in its four groups, or 0 where there is none. */
int clr_encoder_depth(const int blocks[4], bool bottleneck);

/* Local. What one option alone cannot show; CLR_EUSAGE. */
clr_status clr_head_check(const clr_encoder_config *config);

typedef struct clr_encoder clr_encoder;

/* Seconds since the latest forward or inference began, by what took them; for metrics and bench. */
typedef struct clr_encoder_times {
    double conv[CLR_DIRECTIONS][4]; /* [direction][kind]: stem, 3x3 stride 1, 3x3 stride 2 and others, 1x1 */
    double norm, residual, pool, linear, batch_norm_comm;
} clr_encoder_times;

/* Collective (the planner). Adds the network's entries to params, which the caller opens (clr_params_open) when
   every part has added its own, and closes after the encoder. Fails with CLR_EUSAGE where the configuration makes no
   sense (too small an image, ...). */
clr_status clr_encoder_new(clr_comm *comm, clr_planner *planner, const clr_encoder_config *config, clr_params *params,
                           clr_encoder **encoder);
void clr_encoder_free(clr_encoder *encoder); /* accepts NULL */

typedef struct clr_encoder_needs {
    int64_t params, stored, workspace; /* bytes: parameters and gradients; stored tensors; workspace */
    int features, outputs;             /* lengths of h and z */
} clr_encoder_needs;

/* Collective (the planner). What an encoder and its parameters would take, without taking it. */
clr_status clr_encoder_memory(clr_comm *comm, clr_planner *planner, const clr_encoder_config *config,
                              clr_encoder_needs *needs);

clr_params *clr_encoder_params(clr_encoder *encoder); /* those given to clr_encoder_new */
int clr_encoder_features(const clr_encoder *encoder); /* length of h */
int clr_encoder_outputs(const clr_encoder *encoder);  /* length of z: D, or of h where there is no head */

/* Local. For inference from now on: z is what comes out of so many first layers of the head, behind the ReLU of the
   last of them unless it is the head's last. */
void clr_encoder_tap(clr_encoder *encoder, int layers);

/* Training mode. x: (n, size, size, channels) in [0, 1], stays the caller's and unchanged until backward. h: (n,
   features) or NULL; z: (n, outputs), both overwritten. total: views of all ranks. update: whether running statistics
   move. */
void clr_encoder_forward(clr_encoder *encoder, const float *x, int n, int64_t total, bool update, float *h, float *z);

/* Called as backward completes gradients: every gradient at offset `from` and after is final. */
typedef void clr_encoder_ready(void *context, int64_t from);

/* Of the latest forward. dz: (n, outputs). Gradients in params are overwritten, or added to where accumulate. They
   are sums over this rank's views only: the caller adds up ranks. ready may be NULL. */
void clr_encoder_backward(clr_encoder *encoder, const float *dz, bool accumulate, clr_encoder_ready *ready,
                          void *context);

/* Inference mode: running statistics. h, z may be NULL. Takes the place of what backward would need. Local. */
void clr_encoder_infer(clr_encoder *encoder, const float *x, int n, float *h, float *z);

/* Local. The encoder's own, overwritten by the next forward or inference. */
const clr_encoder_times *clr_encoder_times_of(const clr_encoder *encoder);
double clr_encoder_flops(const clr_encoder *encoder); /* of one view's forward and backward, convolutions only */

#endif
