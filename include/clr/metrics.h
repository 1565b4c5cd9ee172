#ifndef CLR_METRICS_H
#define CLR_METRICS_H
/* metrics.tsv: a row a step, columns named in a "#" header; rank 0 alone. Rows past the step that a run resumes from are dropped, so
   that none stands twice. Local. */

#include "clr/err.h"

#include <stdint.h>
#include <stdio.h>

typedef struct clr_metrics {
    FILE *file;
    char *path;
} clr_metrics;

#define CLR_METRICS(X)                                                                                                  \
    X(step) X(epoch) X(loss) X(chance) X(contrast_top1) X(contrast_top5) X(entropy) X(lr) X(grad_norm) X(images_per_s)   \
    X(data_s) X(augment_s) X(forward_s) X(gather_s) X(loss_s) X(backward_s) X(reduce_s) X(update_s) X(exposed_s) X(bn_comm_s)   \
    X(positive) X(negative)

typedef struct clr_metrics_row {
#define CLR_METRICS_FIELD(name) double name;
    CLR_METRICS(CLR_METRICS_FIELD)
} clr_metrics_row;

/* step: rows of steps after it are dropped (steps are numbered from 1: the update that made them). */
clr_status clr_metrics_open(const char *path, int64_t step, clr_metrics *metrics);
clr_status clr_metrics_add(clr_metrics *metrics, const clr_metrics_row *row);
clr_status clr_metrics_sync(clr_metrics *metrics); /* on the disk before a checkpoint says so */
void clr_metrics_close(clr_metrics *metrics);

#endif
