/* SPDX-License-Identifier: BSD-3-Clause */
/* What a probe's numbers mean, in one sentence. */
#include "probe.h"

#include <math.h>
#include <stdio.h>

/* Differences between two accuracies on the same test images that chance alone makes in one of twenty probes: two
   standard deviations of a difference of two binomial shares, taken as independent. */
static double by_chance(double a, double b, int64_t images)
{
    double variance = (a * (100 - a) + b * (100 - b)) / (double)images;

    return 2 * sqrt(variance > 0 ? variance : 0);
}

void clr_probe_say_verdict(const clr_probe *p, clr_evaluation result[3][CLR_PROBE_METHODS], clr_probe_method m)
{
    static const char *const names[CLR_PROBE_METHODS] = {"linear", "kNN", "logistic regression",
                                                         "linear, by the paper's recipe,", "perceptron"};
    int64_t images = clr_store_info_of(p->test)->images;
    double trained = result[0][m].top1, untrained = result[1][m].top1, raw = result[2][m].top1;
    double chance = by_chance(trained, untrained, images), chance_raw = by_chance(trained, raw, images);
    const char *verdict, *advice = "";

    if (trained < untrained - chance) {
        verdict = "pretraining has made the features worse";
        advice = "; try a smaller --lr, another --augment or another --seed";
    } else if (trained < untrained + chance) {
        verdict = "pretraining has made no difference that these test images can show";
        advice = "; try more --epochs, and look at the loss in metrics.tsv";
    } else if (trained < raw - chance_raw) {
        verdict = "pretraining has helped, but raw pixels still do better";
        advice = "; try more --epochs or a wider network";
    } else if (trained < raw + chance_raw) {
        verdict = "pretraining has helped, but not beyond raw pixels as far as these test images can show";
        advice = "; try more --epochs or a wider network";
    } else {
        verdict = "pretraining has helped";
    }
    printf("verdict: %s: %s top-1 %.1f %%, untrained %.1f %%, raw pixels %.1f %% (%lld test images)%s\n", verdict,
           names[m], trained, untrained, raw, (long long)images, advice);
}
