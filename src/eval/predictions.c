/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of predictions and confusions, tab-separated. */
#include "clr/predictions.h"

#include "clr/mem.h"
#include "clr/output.h"

#include <inttypes.h>
#include <stdio.h>

clr_status clr_predictions_write(const char *path, bool own, clr_store *test, const clr_predictions *p)
{
    clr_output output;
    clr_status st = own ? clr_output_open_plain(path, &output) : clr_output_open(path, &output);

    if (st != CLR_OK)
        return st;
    fputs("#image\tname\tclass", output.file);
    for (int m = 0; m < p->methods; m++)
        fprintf(output.file, "\t%s", p->method[m]);
    fputc('\n', output.file);
    for (int64_t i = 0; i < p->rows && st == CLR_OK; i++) {
        char *name = NULL;
        st = clr_store_name(test, i, &name);
        fprintf(output.file, "%" PRId64 "\t", i);
        clr_output_cell(output.file, name ? name : "");
        fputc('\t', output.file);
        clr_output_cell(output.file, p->class_names[p->labels[i]]);
        for (int m = 0; m < p->methods; m++) {
            fputc('\t', output.file);
            clr_output_cell(output.file, p->class_names[p->predicted[m][i]]);
        }
        fputc('\n', output.file);
        clr_free(name);
    }
    clr_status end = clr_output_end(&output, st == CLR_OK);
    return st == CLR_OK ? end : st;
}

clr_status clr_confusion_write(const char *path, const clr_predictions *p, int method)
{
    int64_t n = p->classes, *count = CLR_NEW(int64_t, n * n);
    clr_output output;
    clr_status st = clr_output_open_plain(path, &output);

    for (int64_t i = 0; i < p->rows; i++)
        count[p->labels[i] * n + p->predicted[method][i]]++;
    if (st == CLR_OK) {
        fputs("# class", output.file);
        for (int64_t k = 0; k < n; k++) {
            fputc('\t', output.file);
            clr_output_cell(output.file, p->class_names[k]);
        }
        for (int64_t i = 0; i < n; i++) {
            fputc('\n', output.file);
            clr_output_cell(output.file, p->class_names[i]);
            for (int64_t k = 0; k < n; k++)
                fprintf(output.file, "\t%" PRId64, count[i * n + k]);
        }
        fputc('\n', output.file);
        st = clr_output_end(&output, true);
    }
    clr_free(count);
    return st;
}

double clr_mean_class_accuracy(const clr_predictions *p, int method)
{
    int64_t *right = CLR_NEW(int64_t, p->classes), *all = CLR_NEW(int64_t, p->classes), present = 0;
    double sum = 0;

    for (int64_t i = 0; i < p->rows; i++) {
        all[p->labels[i]]++;
        right[p->labels[i]] += p->predicted[method][i] == p->labels[i];
    }
    for (int k = 0; k < p->classes; k++) {
        present += all[k] > 0;
        sum += all[k] ? 100 * (double)right[k] / (double)all[k] : 0;
    }
    clr_free(right);
    clr_free(all);
    return sum / (double)present;
}
