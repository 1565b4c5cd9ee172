/* SPDX-License-Identifier: BSD-3-Clause */
/* The output of a probe: its protocol, a sentence and a line for programs for each method, and the rows of
   RUN/probe.tsv. */
#include "probe.h"

#include "clr/augment.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/plain.h"
#include "clr/predictions.h"
#include "clr/tensor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "10", or "the best of 1, 3, 10 on a tenth of each class"; freed by clr_free. */
static char *rates_of(const clr_rates *rates)
{
    char list[16 * CLR_RATES] = "";
    size_t used = 0;

    for (int i = 0; i < rates->n; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.6g", i ? ", " : "", rates->rate[i]);
    return rates->n > 1 ? clr_text("the best of %s on a tenth of each class", list) : clr_copy_text(list);
}

/* The results of a method: one, or for kNN one for each k and temperature. */
static int results_of(const clr_probe *p, clr_probe_method m)
{
    return m == CLR_PROBE_KNN ? p->knns : 1;
}

static clr_evaluation result_of(const clr_probe *p, clr_evaluation result[3][CLR_PROBE_METHODS], int which,
                                clr_probe_method m, int i)
{
    return m == CLR_PROBE_KNN ? p->voted[which][i] : result[which][m];
}

/* How a method is applied for its result i, in one sentence; freed by clr_free. */
static char *protocol_of(const clr_probe *p, clr_probe_method m, int i)
{
    const clr_probe_config *c = p->config;

    if (m == CLR_PROBE_LINEAR) {
        char *rates = rates_of(&c->linear.rates);
        char *text = clr_text(
            "softmax regression on standardised features scaled to unit length on average, Nesterov momentum %g, %lld "
            "epochs of batches of %lld, learning rate %s falling to 0 on a cosine, weight decay %g, seed %lld; judged "
            "once, after the last epoch",
            c->linear.momentum, (long long)c->linear.epochs, (long long)c->linear.batch, rates, c->linear.weight_decay,
            (long long)c->linear.seed);
        clr_free(rates);
        return text;
    }
    if (m == CLR_PROBE_PAPER) {
        const clr_linear_config paper = clr_linear_paper(clr_store_info_of(p->train)->images, c->linear.seed);
        return clr_text(
            "softmax regression on features as they are, Nesterov momentum %g, %lld epochs of batches of %lld, "
            "learning rate %g falling to 0 on a cosine, no regularisation, seed %lld (the paper's B.6, but "
            "for its random crops: features are extracted once)",
            paper.momentum, (long long)paper.epochs, (long long)paper.batch, paper.lr, (long long)paper.seed);
    }
    if (m == CLR_PROBE_KNN)
        return clr_text("the %lld nearest training images by cosine vote with weight exp(cosine / %g)",
                        (long long)clr_min64(p->knn[i].k, clr_store_info_of(p->train)->images), p->knn[i].temperature);
    return clr_text(
        "logistic regression at its optimum (L-BFGS, at most %lld iterations), the best of %lld l2 strengths from %g "
        "to %g on a tenth of each class, then fitted to all training images",
        (long long)c->lbfgs.iterations, (long long)c->lbfgs.strengths, c->lbfgs.least, c->lbfgs.most);
}

void clr_probe_say_protocol(const clr_probe *p)
{
    const clr_probe_config *c = p->config;
    const clr_pretrained *f = &p->pretrained;
    int dim = c->features == CLR_TAP_H ? clr_encoder_features(f->encoder) : clr_encoder_outputs(f->encoder);
    char input[CLR_AUGMENT_WORDS], tap[CLR_TAP_NAME];

    clr_augment_protocol(f->config.encoder.size, f->channels, input);
    printf("checkpoint: %s, step %lld, epoch %.4g\n", f->path, (long long)f->meta.step, f->meta.epoch);
    printf(
        "features: %s (%d numbers an image) of the pretrained encoder: one view of %d x %d x %d, not augmented, batch "
        "norm with its running "
        "statistics\n",
        clr_tap_name(c->features, tap), dim, f->config.encoder.size, f->config.encoder.size, f->channels);
    printf("input: %s\n", input);
    for (int m = 0; m < CLR_PROBE_METHODS; m++)
        for (int i = 0; i < results_of(p, m) && clr_probe_wants(c, m); i++) {
            char *protocol = protocol_of(p, m, i);
            printf("%s: %s\n", clr_probe_name_of((clr_probe_method)m), protocol);
            clr_free(protocol);
        }
    if (c->shuffle_labels)
        printf("labels: those of the training images in another order, drawn by --seed=%lld: a control, by which every "
               "accuracy is to be about chance (%.2f %%)\n",
               (long long)c->linear.seed, 100.0 / clr_store_info_of(p->train)->present);
    printf("weights: checksum %016" PRIx64 ", compared after the evaluation\n", p->weights);
    printf("untrained: the same network with the weights of step 0, the same classifiers\n");
    printf("raw: %d x %d x %d pixels in [0, 1], the same classifiers\n", p->raw_side, p->raw_side, f->channels);
    fflush(stdout);
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
    char top5[16], tap[CLR_TAP_NAME], *protocol = protocol_of(p, m, i);
    const char *control = p->config->shuffle_labels ? "; a control: labels shuffled" : "";
    const clr_evaluation trained = result_of(p, result, 0, m, i);
    bool good =
        fprintf(file, "%lld\t%.6g\t%s\t%s\t%.2f\t%s\t%.2f\t%.2f\t%lld\t%lld\t%d\t%s%s\n",
                (long long)p->pretrained.meta.step, p->pretrained.meta.epoch, clr_tap_name(p->config->features, tap),
                clr_probe_name_of((clr_probe_method)m), trained.top1, clr_percent(trained.top5, top5),
                result_of(p, result, 1, m, i).top1, result_of(p, result, 2, m, i).top1,
                (long long)clr_store_info_of(p->train)->images, (long long)clr_store_info_of(p->test)->images,
                clr_store_info_of(p->train)->classes, protocol, control) > 0;
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
        for (int i = 0; i < results_of(p, m) && good && clr_probe_wants(p->config, m); i++)
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
    char top5[3][16], mean[16], more[64], tap[CLR_TAP_NAME];
    double range[2];
    const clr_store_info *train = clr_store_info_of(p->train), *test = clr_store_info_of(p->test);
    const clr_evaluation trained = result_of(p, result, 0, m, i), untrained = result_of(p, result, 1, m, i),
                         raw = result_of(p, result, 2, m, i);

    clr_accuracy_interval(llround(trained.top1 / 100 * (double)test->images), test->images, range);
    printf("probe features=%s method=%s top1=%.2f top5=%s ci95=%.2f-%.2f mean_class=%s untrained_top1=%.2f "
           "untrained_top5=%s raw_top1=%.2f "
           "raw_top5=%s train=%lld test=%lld common=%lld classes=%d effective_rank=%.1f "
           "deviation=%.3f uniformity=%.3f step=%lld seconds=%.1f%s checkpoint=%s\n",
           clr_tap_name(p->config->features, tap), clr_probe_name_of((clr_probe_method)m), trained.top1,
           clr_percent(trained.top5, top5[0]), range[0], range[1],
           clr_percent(i ? NAN : clr_probe_mean_class(p, m), mean), untrained.top1,
           clr_percent(untrained.top5, top5[1]), raw.top1, clr_percent(raw.top5, top5[2]), (long long)train->images,
           (long long)test->images, (long long)p->common, train->classes, p->figures.rank, p->figures.deviation,
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
        if (clr_probe_wants(p->config, m) && !p->config->shuffle_labels)
            clr_probe_say_verdict(p, result, (clr_probe_method)m);
    for (int m = 0; m < CLR_PROBE_METHODS; m++)
        for (int i = 0; i < results_of(p, m) && clr_probe_wants(p->config, m); i++)
            say_result(p, result, m, i, seconds);
}
