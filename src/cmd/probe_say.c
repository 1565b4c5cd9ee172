/* SPDX-License-Identifier: BSD-3-Clause */
/* The output of a probe: a sentence and a line for programs for each method, and the rows of RUN/probe.tsv. */
#include "probe.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/plain.h"
#include "clr/predictions.h"
#include "clr/tensor.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static clr_evaluation result_of(const clr_probe *p, clr_evaluation result[3][CLR_PROBE_METHODS], int which,
                                clr_probe_method m, int i)
{
    return m == CLR_PROBE_KNN ? p->voted[which][i] : result[which][m];
}

#define HEADER "#step\tepoch\tfeatures\tmethod\ttop1\ttop5\tuntrained_top1\traw_top1\ttrain\ttest\tclasses\tprotocol\n"

/* Opens RUN/probe.tsv to append rows; *begun: the columns are named in it already. */
static clr_status open_rows(const char *path, FILE **file, bool *begun)
{
    enum { MOST = 16 << 20 };
    char *earlier = NULL;
    int descriptor;
    clr_status st = clr_plain_read(path, MOST, &earlier);

    *file = NULL;
    *begun = earlier && strstr(earlier, HEADER);
    clr_free(earlier);
    if (st == CLR_OK)
        st = clr_plain_open(path, O_WRONLY | O_APPEND | O_CREAT, &descriptor);
    if (st != CLR_OK)
        return st;
    *file = fdopen(descriptor, "a");
    if (!*file) {
        st = clr_fail(CLR_EIO, "%s: %s", path, strerror(errno));
        close(descriptor);
    }
    return st;
}

static bool write_row(const clr_probe *p, clr_evaluation result[3][CLR_PROBE_METHODS], clr_probe_method m, int i,
                      FILE *file)
{
    char top5[16], tap[CLR_TAP_NAME], title[CLR_PROBE_TITLE], *protocol = clr_probe_protocol(p, m, i);
    const char *control = p->config->shuffle_labels ? "; a control: labels shuffled" : "";
    const clr_evaluation trained = result_of(p, result, 0, m, i);
    bool good = fprintf(file, "%lld\t%.6g\t%s\t%s\t%.2f\t%s\t%.2f\t%.2f\t%lld\t%lld\t%d\t%s%s\n",
                        (long long)p->pretrained.meta.step, p->pretrained.meta.epoch,
                        clr_tap_name(p->config->features, tap), clr_probe_title(p, m, title), trained.top1,
                        clr_percent(trained.top5, top5), result_of(p, result, 1, m, i).top1,
                        result_of(p, result, 2, m, i).top1, (long long)clr_store_info_of(p->train)->images,
                        (long long)clr_store_info_of(p->test)->images, p->classes, protocol, control) > 0;
    clr_free(protocol);
    return good;
}

void clr_probe_write_rows(const clr_probe *p, clr_evaluation result[3][CLR_PROBE_METHODS])
{
    FILE *file = NULL;
    bool begun, good;
    int error = 0;

    if (!p->pretrained.run)
        return;
    char *path = clr_text("%s/probe.tsv", p->pretrained.run);
    if (open_rows(path, &file, &begun) != CLR_OK) {
        clr_warn("%s; the results are on standard output alone", clr_message());
        clr_free(path);
        return;
    }
    good = begun || fputs(HEADER, file) >= 0;
    for (int m = 0; m < CLR_PROBE_METHODS && good; m++)
        for (int i = 0; i < clr_probe_results(p, m) && good && clr_probe_wants(p->config, m); i++)
            good = write_row(p, result, m, i, file);
    if (!good)
        error = errno;
    if (fclose(file)) {
        good = false;
        error = error ? error : errno;
    }
    if (!good)
        clr_warn("%s: cannot be written: %s; the results are on standard output alone", path, strerror(error));
    clr_free(path);
}

/* What was chosen on the validation split for the trained network's features: " l2=... validation=... train_loss=...",
   " lr=... validation=..."; of kNN its settings; or nothing. */
static const char *chosen(const clr_probe *p, clr_probe_method m, int i, char text[64])
{
    const clr_lbfgs_result *r = &p->lbfgs[0];

    *text = 0;
    if (m == CLR_PROBE_LBFGS)
        snprintf(text, 64, " l2=%.3g validation=%.2f train_loss=%.6f", r->l2, r->validation, r->loss);
    if (m == CLR_PROBE_KNN)
        snprintf(text, 64, " k=%lld temperature=%g", (long long)p->knn[i].k, p->knn[i].temperature);
    if (m == CLR_PROBE_LINEAR && p->config->linear.rates.n > 1)
        snprintf(text, 64, " lr=%.4g validation=%.2f", p->linear[0].lr, p->linear[0].validation);
    return text;
}

/* The line for programs. */
static void say_result(const clr_probe *p, clr_evaluation result[3][CLR_PROBE_METHODS], clr_probe_method m, int i,
                       double seconds)
{
    char top5[3][16], mean[16], more[64], tap[CLR_TAP_NAME], title[CLR_PROBE_TITLE];
    double range[2];
    const clr_store_info *train = clr_store_info_of(p->train), *test = clr_store_info_of(p->test);
    const clr_evaluation trained = result_of(p, result, 0, m, i), untrained = result_of(p, result, 1, m, i),
                         raw = result_of(p, result, 2, m, i);

    clr_accuracy_interval(llround(trained.top1 / 100 * (double)test->images), test->images, range);
    printf("probe features=%s method=%s top1=%.2f top5=%s ci95=%.2f-%.2f mean_class=%s untrained_top1=%.2f "
           "untrained_top5=%s raw_top1=%.2f "
           "raw_top5=%s train=%lld test=%lld common=%lld classes=%d chance=%.2f effective_rank=%.1f "
           "deviation=%.3f uniformity=%.3f step=%lld seconds=%.1f%s checkpoint=%s\n",
           clr_tap_name(p->config->features, tap), clr_probe_title(p, m, title), trained.top1,
           clr_percent(trained.top5, top5[0]), range[0], range[1],
           clr_percent(i ? NAN : clr_probe_mean_class(p, m), mean), untrained.top1,
           clr_percent(untrained.top5, top5[1]), raw.top1, clr_percent(raw.top5, top5[2]), (long long)train->images,
           (long long)test->images, (long long)p->common, p->classes, p->chance, p->figures.rank, p->figures.deviation,
           p->figures.uniformity, (long long)p->pretrained.meta.step, seconds, chosen(p, m, i, more),
           p->pretrained.path);
}

void clr_probe_say_results(const clr_probe *p, clr_evaluation result[3][CLR_PROBE_METHODS], double seconds)
{
    printf(
        "without labels: of %d dimensions an effective %.1f are used; a dimension deviates by %.3f (1: spread evenly, "
        "0: all images alike); uniformity %.3f\n",
        p->dim, p->figures.rank, p->figures.deviation, p->figures.uniformity);
    for (int m = 0; m < CLR_PROBE_METHODS; m++)
        if (clr_probe_wants(p->config, m) && !p->config->shuffle_labels && !p->transformation.name)
            clr_probe_say_verdict(p, result, (clr_probe_method)m);
    for (int m = 0; m < CLR_PROBE_METHODS; m++)
        for (int i = 0; i < clr_probe_results(p, m) && clr_probe_wants(p->config, m); i++)
            say_result(p, result, m, i, seconds);
}
