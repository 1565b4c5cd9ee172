/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_OPTIM_H
#define CLR_OPTIM_H
/* Optimizers: lars (You et al. 2017, as SimCLR has it), sgd with momentum, nesterov (the same with Nesterov's), adamw.
   A family: one file a member, the words here. Local: every rank steps the same gradients. Protocol 1.7. */

#include "clr/opt.h"
#include "clr/params.h"

/* clang-format off */
#define CLR_OPTIMIZERS(X, separator) X(lars) separator X(sgd) separator X(nesterov) separator X(adamw)
/* clang-format on */

#define CLR_OPTIM_WORD(name) #name
#define CLR_OPTIM_KIND(name) CLR_OPTIM_##name,
typedef enum clr_optim_kind { CLR_OPTIMIZERS(CLR_OPTIM_KIND, ) CLR_OPTIM_KINDS } clr_optim_kind;

typedef struct clr_optim_config {
    clr_optim_kind kind;
    double momentum; /* adamw: beta1 */
    double weight_decay;
} clr_optim_config;

extern const clr_opt clr_optim_options[]; /* --optimizer, --momentum, --weight-decay, into a clr_optim_config */

typedef struct clr_optim clr_optim;

/* Local. params must be open and outlive it; slots start at zero. */
clr_optim *clr_optim_new(const clr_optim_config *config, clr_params *params);
void clr_optim_free(clr_optim *optim); /* accepts NULL */
const char *clr_optim_name(const clr_optim *optim);

/* One update. step counts from 0 over the run (adamw's bias correction). Returns nothing to save but the slots. */
void clr_optim_step(clr_optim *optim, double lr, int64_t step);

/* What a checkpoint keeps: slots, blocks cut by params->weights like the values ("momentum"; adamw "exp_avg",
   "exp_avg_sq"). */
int clr_optim_slots(const clr_optim *optim);
int clr_optim_slots_of(clr_optim_kind kind); /* before there is an optimizer */
const char *clr_optim_slot_name(const clr_optim *optim, int slot);
float *clr_optim_slot(clr_optim *optim, int slot);

/* How the learning rate goes on after the warm-up; formulas in schedule.c. */
typedef enum clr_schedule_kind { CLR_SCHEDULE_COSINE, CLR_SCHEDULE_CONSTANT, CLR_SCHEDULE_DECAY } clr_schedule_kind;

enum { CLR_SCHEDULE_RESTARTS = 16 };
#define CLR_SCHEDULE_SHARE 0.2

typedef struct clr_schedule_shape {
    clr_schedule_kind kind;
    double share; /* constant+decay: of all steps, in which the rate falls to 0 */
    int restarts; /* cosine: steps at which warm-up and cosine begin anew, rising */
    int64_t restart[CLR_SCHEDULE_RESTARTS];
} clr_schedule_shape;

/* Warm-up and cosine, per step. Protocol 1.8: lr(t) = peak * t / warmup, then peak/2 * (1 + cos(pi (t - w)/(total -
   w))). The paper's code counts floor(images * epochs / batch) + 1 steps in all; total is without the 1 here, so that a
   run is no longer than the images that were asked for and its last step is the cosine's last: lr(t) differs by a part
   of 1 / total. */
typedef struct clr_schedule {
    clr_schedule_shape shape;
    double peak;
    int64_t warmup, total;
} clr_schedule;

/* The peak is base * batch / 256, base * sqrt(batch), or base as it is. */
typedef enum clr_lr_scaling { CLR_LR_LINEAR, CLR_LR_SQRT, CLR_LR_NONE } clr_lr_scaling;

typedef struct clr_schedule_config {
    double base; /* learning rate */
    clr_lr_scaling scaling;
    double warmup_epochs;
    clr_schedule_shape shape;
} clr_schedule_config;

/* --lr, --lr-scaling, --warmup-epochs, --schedule, into a clr_schedule_config */
extern const clr_opt clr_schedule_options[];

/* "cosine[:STEP,...]", "constant", "constant+decay[:SHARE]" into a clr_schedule_shape; else CLR_EUSAGE. Local. */
clr_status clr_schedule_parse(const char *text, void *field);

/* images: of the dataset; batch: the global one. The warm-up is warmup_epochs * images / batch steps, floored. */
clr_schedule clr_schedule_of(const clr_schedule_config *config, int64_t batch, int64_t images, int64_t total_steps);
double clr_schedule_at(const clr_schedule *schedule, int64_t step);
double clr_schedule_sum(const clr_schedule *schedule); /* of the rates of all steps */
/* Whether both give the first `steps` steps the same rates, to the last bit. */
bool clr_schedule_same(const clr_schedule *a, const clr_schedule *b, int64_t steps);
/* "2 at its peak, after 10 steps of warm-up, then falls to 0 as a cosine" */
void clr_schedule_words(const clr_schedule *schedule, char *text, size_t capacity);

/* sqrt of the sum of squares of the network's gradients (of entries neither not_in_norm nor frozen), in double; NaN
   or Inf shows here. */
double clr_grad_norm(const clr_params *params);

#endif
