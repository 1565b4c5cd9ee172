/* SPDX-License-Identifier: BSD-3-Clause */
/* The protocol of a probe: what it says before it begins, and how each method is applied. */
#include "probe.h"

#include "clr/augment.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <inttypes.h>
#include <stdio.h>

/* "10", or "the best of 1, 3, 10 on a tenth of each class"; freed by clr_free. */
static char *rates_of(const clr_rates *rates)
{
    char list[16 * CLR_RATES] = "";
    size_t used = 0;

    for (int i = 0; i < rates->n; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.6g", i ? ", " : "", rates->rate[i]);
    return rates->n > 1 ? clr_text("the best of %s on a tenth of each class", list) : clr_copy_text(list);
}

int clr_probe_results(const clr_probe *p, clr_probe_method m)
{
    return m == CLR_PROBE_KNN ? p->knns : 1;
}

static int dim_of(const clr_probe *p)
{
    return p->config->features == CLR_TAP_H ? clr_encoder_features(p->pretrained.encoder)
                                            : clr_encoder_outputs(p->pretrained.encoder);
}

char *clr_probe_protocol(const clr_probe *p, clr_probe_method m, int i)
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
    if (m == CLR_PROBE_MLP)
        return clr_text(
            "one hidden layer of %lld units, on standardised features, Adam, %lld epochs of batches of %lld, "
            "learning rate %g falling to 0 on a cosine, seed %lld",
            (long long)(c->mlp.hidden ? c->mlp.hidden : dim_of(p)), (long long)c->linear.epochs,
            (long long)c->linear.batch, c->mlp.lr, (long long)c->linear.seed);
    return clr_text(
        "logistic regression at its optimum (L-BFGS, at most %lld iterations), the best of %lld l2 strengths from %g "
        "to %g on a tenth of each class, then fitted to all training images",
        (long long)c->lbfgs.iterations, (long long)c->lbfgs.strengths, c->lbfgs.least, c->lbfgs.most);
}

static void say_transformation(const clr_probe *p)
{
    const clr_transformation *t = &p->transformation;

    printf("predict: %s:", t->name);
    for (int c = 0; c < t->classes; c++)
        printf("%s %s (%.0f %%)", c ? "," : "", t->class_name[c], 100 * t->share[c]);
    printf("; the most frequent class has %.2f %% of the test images\n", p->chance);
    printf("views: --augment=%s, without %s, then the transformation; seed %lld\n", p->pretrained.config.augment,
           t->name, (long long)p->config->linear.seed);
}

void clr_probe_say_protocol(const clr_probe *p)
{
    const clr_probe_config *c = p->config;
    const clr_pretrained *f = &p->pretrained;
    char input[CLR_AUGMENT_WORDS], tap[CLR_TAP_NAME], title[CLR_PROBE_TITLE];

    clr_augment_protocol(f->config.encoder.size, f->channels, input);
    printf("checkpoint: %s, step %lld, epoch %.4g\n", f->path, (long long)f->meta.step, f->meta.epoch);
    printf(
        "features: %s (%d numbers an image) of the pretrained encoder: one view of %d x %d x %d, %s, batch norm with "
        "its running statistics\n",
        clr_tap_name(c->features, tap), dim_of(p), f->config.encoder.size, f->config.encoder.size, f->channels,
        p->transformation.name ? "transformed" : "not augmented");
    if (p->transformation.name)
        say_transformation(p);
    else
        printf("input: %s\n", input);
    for (int m = 0; m < CLR_PROBE_METHODS; m++)
        for (int i = 0; i < clr_probe_results(p, m) && clr_probe_wants(c, m); i++) {
            char *protocol = clr_probe_protocol(p, m, i);
            printf("%s: %s\n", clr_probe_title(p, (clr_probe_method)m, title), protocol);
            clr_free(protocol);
        }
    if (c->shuffle_labels)
        printf("labels: those of the training images in another order, drawn by --seed=%lld: a control, by which every "
               "accuracy is to be about chance (%.2f %%)\n",
               (long long)c->linear.seed,
               p->transformation.name ? p->chance : 100.0 / clr_store_info_of(p->train)->present);
    printf("weights: checksum %016" PRIx64 ", compared after the evaluation\n", p->weights);
    printf("untrained: the same network with the weights of step 0, the same classifiers\n");
    printf("raw: %d x %d x %d pixels in [0, 1], the same classifiers\n", p->raw_side, p->raw_side, f->channels);
    fflush(stdout);
}
