/* SPDX-License-Identifier: BSD-3-Clause */
/* What a probe's classifiers took each test image for: --predictions and RUN/confusion.tsv. */
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/predictions.h"
#include "probe.h"

#include <stdio.h>

/* The methods that were wanted, in the order of their lines. names, predicted: CLR_PROBE_METHODS entries. */
static clr_predictions predictions_of(const clr_probe *p, const char **names, const int64_t **predicted)
{
    clr_predictions all = {
        clr_store_info_of(p->test)->images, p->classes, p->class_names, p->test_labels, 0, names, predicted};

    for (int m = 0; m < CLR_PROBE_METHODS; m++)
        if (p->predicted[m]) {
            names[all.methods] = clr_probe_name_of((clr_probe_method)m);
            predicted[all.methods++] = p->predicted[m];
        }
    return all;
}

double clr_probe_mean_class(const clr_probe *p, clr_probe_method m)
{
    const int64_t *predicted[] = {p->predicted[m]};
    const clr_predictions one = {
        clr_store_info_of(p->test)->images, p->classes, p->class_names, p->test_labels, 1, NULL, predicted};

    return clr_mean_class_accuracy(&one, 0);
}

clr_status clr_probe_write_tables(const clr_probe *p)
{
    const char *names[CLR_PROBE_METHODS];
    const int64_t *predicted[CLR_PROBE_METHODS];
    const clr_predictions all = predictions_of(p, names, predicted);

    if (p->pretrained.run && !p->config->shuffle_labels && !p->transformation.name) {
        char *path = clr_text("%s/confusion.tsv", p->pretrained.run);
        if (clr_confusion_write(path, &all, 0) == CLR_OK)
            clr_info("%s: what the images of each class were taken for (%s)", path, names[0]);
        else
            clr_warn("%s; there is no confusion matrix", clr_message());
        clr_free(path);
    }
    return p->config->predictions ? clr_predictions_write(p->config->predictions, false, p->test, &all) : CLR_OK;
}
