/* SPDX-License-Identifier: BSD-3-Clause */
/* probe: how good the features of a pretrained encoder are, beside those of the same network untrained and beside raw
   pixels. */
#include "clr/cmd.h"
#include "clr/evaluate.h"
#include "clr/features.h"
#include "clr/hash.h"
#include "clr/pretrained.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/tensor.h"
#include "clr/watchdog.h"
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RAW_SIDE = 32 };

/* "10", "0.1,1,10": numbers from least to most. name: of the option. */
static clr_status parse_list(const char *name, const char *text, double least, double most, clr_rates *list)
{
    *list = (clr_rates){0};
    for (const char *at = text ? text : "";; at++) {
        char *end;
        double number = strtod(at, &end);
        if (end == at || !(number >= least && number <= most) || (*end && *end != ',') || list->n == CLR_RATES)
            return clr_fail(CLR_EUSAGE, "--%s=%s: must be a number from %g to %g, or at most %d of them such as 1,3,10",
                            name, text, least, most, CLR_RATES);
        list->rate[list->n++] = number;
        if (!*end)
            return CLR_OK;
        at = end;
    }
}

static clr_status parse_rates(const char *text, void *field)
{
    return parse_list("lr", text, 1e-12, 1e6, field);
}

static clr_status parse_k(const char *text, void *field)
{
    clr_rates *list = field;
    clr_status st = parse_list("k", text, 0, 1e6, list);

    for (int i = 0; i < list->n && st == CLR_OK; i++)
        if (list->rate[i] != (double)(int64_t)list->rate[i])
            st = clr_fail(CLR_EUSAGE, "--k=%s: must be whole numbers", text);
    return st;
}

static clr_status parse_temperature(const char *text, void *field)
{
    return parse_list("temperature", text, 1e-3, 1e4, field);
}

static clr_status parse_predict(const char *text, void *field)
{
    *(const char **)field = text;
    return strcmp(text, "class") ? clr_transformation_check(text) : CLR_OK;
}

static clr_status parse_features(const char *text, void *field)
{
    return clr_tap_parse("features", text, true, field);
}

#define AT(field) offsetof(clr_probe_config, field)
static const clr_opt own[] = {
    {"train", CLR_OPT_TEXT, AT(train), NULL, "DATA.h5", 0, 0, NULL, 0,
     "labelled images that the classifiers learn from"},
    {"test", CLR_OPT_TEXT, AT(test), NULL, "DATA.h5", 0, 0, NULL, 0, "labelled images that they are judged by"},
    {"features", CLR_OPT_PARSED, AT(features), "h", "h|head1|head2|...|z", 0, 0, NULL, 0,
     "h: the encoder's output; head1, ...: behind a layer of the projection head; z: its output", parse_features},
    {"predict", CLR_OPT_PARSED, AT(predict), "class", "class|" CLR_TRANSFORMATION_WORDS, 0, 0, NULL, 0,
     "the labels that the classifiers predict. class: the dataset's. Others: which transformation was applied to a "
     "view by the run's own --augment (the paper's Table 3)",
     parse_predict},
    {"method", CLR_OPT_PARSED, AT(wants), "all", "linear-sgd|knn|linear-lbfgs|linear-paper|mlp|all", 0, 0, NULL, 0,
     "classifier; all: linear-sgd and knn. linear-lbfgs: logistic regression at its optimum, l2 chosen on a tenth of "
     "the training images. linear-paper: SGD as the paper's appendix B.6 has it. mlp: one hidden layer. "
     "Several: knn,linear-lbfgs",
     clr_probe_parse_methods},
    {"epochs", CLR_OPT_LONG, AT(linear.epochs), "30", "N", 1, 1e6, "method=all|linear-sgd|mlp", 0,
     "of the linear classifier and the perceptron"},
    {"batch", CLR_OPT_LONG, AT(linear.batch), "256", "N", 1, 1 << 24, "method=all|linear-sgd|mlp", 0,
     "of the linear classifier and the perceptron"},
    {"lr", CLR_OPT_PARSED, AT(linear.rates), "10", "X,...", 0, 0, "method=all|linear-sgd", 0,
     "of the linear classifier; falls to 0 on a cosine; features have unit length on average. Of several, the best on "
     "a "
     "tenth of the training images",
     parse_rates},
    {"momentum", CLR_OPT_REAL, AT(linear.momentum), "0.9", "X", 0, 0.9999, "method=all|linear-sgd", 0,
     "of the linear classifier (Nesterov)"},
    {"weight-decay", CLR_OPT_REAL, AT(linear.weight_decay), "0", "X", 0, 10, "method=all|linear-sgd", 0,
     "of the linear classifier"},
    {"seed", CLR_OPT_LONG, AT(linear.seed), "1", "N", 0, 1e15, "method=all|linear-sgd|linear-lbfgs|linear-paper|mlp", 0,
     "of the order of its batches; of the validation split; of a transformation"},
    {"k", CLR_OPT_PARSED, AT(k), "0", "N,...", 0, 0, "method=all|knn", 0,
     "neighbours that vote; 0: as many as the smallest class has images, 5 at least and 200 at most. Of several, each "
     "has a line",
     parse_k},
    {"temperature", CLR_OPT_PARSED, AT(temperature), "0.1", "T,...", 0, 0, "method=all|knn", 0,
     "a vote weighs exp(cosine / T); of several, each has a line", parse_temperature},
    {"l2-strengths", CLR_OPT_LONG, AT(lbfgs.strengths), "45", "N", 1, 1000, "method=linear-lbfgs", 0,
     "l2 strengths that are tried, log-spaced"},
    {"l2-least", CLR_OPT_REAL, AT(lbfgs.least), "1e-6", "X", 1e-30, 1e30, "method=linear-lbfgs", 0,
     "the least of them: l2 / 2 |W|^2 beside the sum of all rows' losses"},
    {"l2-most", CLR_OPT_REAL, AT(lbfgs.most), "1e5", "X", 1e-30, 1e30, "method=linear-lbfgs", 0, "the largest of them"},
    {"iterations", CLR_OPT_LONG, AT(lbfgs.iterations), "1000", "N", 1, 1e6, "method=linear-lbfgs", 0,
     "of L-BFGS, the most for one strength"},
    {"hidden", CLR_OPT_LONG, AT(mlp.hidden), "0", "N", 0, 1 << 16, "method=mlp", 0,
     "units of the perceptron's hidden layer, for pixels too; 0: as many as there are features"},
    {"mlp-lr", CLR_OPT_REAL, AT(mlp.lr), "0.001", "X", 1e-12, 1e6, "method=mlp", 0,
     "of the perceptron (Adam); falls to 0 on a cosine"},
    {"predictions", CLR_OPT_TEXT, AT(predictions), NULL, "FILE.tsv", 0, 0, NULL, 0,
     "what each test image was taken for, a line an image: for simclr compare"},
    {"shuffle-labels", CLR_OPT_FLAG, AT(shuffle_labels), "no", NULL, 0, 0, NULL, 0,
     "a control: the training images get each other's labels, and every accuracy must be about chance"},
    {0}};
static const clr_opt_part options[] = {
    {clr_checkpoint_option, AT(checkpoint), NULL}, {own, 0, NULL},
    {clr_force_option, AT(force), NULL},           {clr_threads_option, AT(threads), NULL},
    {clr_watchdog_option, AT(watchdog), NULL},     {0}};

/* Runs every wanted method on the features of the trained (0) or untrained (1) encoder, or on pixels (2). */
static clr_status evaluate(clr_probe *p, int which, clr_evaluation result[CLR_PROBE_METHODS])
{
    clr_encoder *encoder = which < 2 ? p->pretrained.encoder : NULL;
    const clr_probe_config *c = p->config;
    char of = c->features == CLR_TAP_H ? 'h' : 'z';
    clr_features train = {0}, test = {0};
    clr_features_source from[2];

    for (int i = 0; i < 2; i++)
        from[i] = (clr_features_source){i ? p->test : p->train, encoder,
                                        encoder ? p->pretrained.config.encoder.size : p->raw_side,
                                        p->pretrained.channels, p->transformation.name ? &p->transformed[i] : NULL};
    clr_status st = clr_features_extract(p->comm, &from[0], of, &train);
    if (st == CLR_OK)
        st = clr_features_extract(p->comm, &from[1], of, &test);
    if (st == CLR_OK && which == 0)
        p->figures = clr_features_look(&test), p->dim = test.dim;
    train.labels = p->train_labels;
    test.labels = p->test_labels;
    train.classes = test.classes = p->classes;
    for (int m = 0; m < CLR_PROBE_METHODS && st == CLR_OK; m++)
        if (clr_probe_wants(c, (clr_probe_method)m))
            st = clr_probe_apply(p, (clr_probe_method)m, which, &train, &test, &result[m]);
    clr_features_free(&train);
    clr_features_free(&test);
    return clr_comm_agree(p->comm, st);
}

static void make_room_for_predictions(clr_probe *p)
{
    for (int m = 0; m < CLR_PROBE_METHODS; m++)
        if (clr_probe_wants(p->config, (clr_probe_method)m))
            p->predicted[m] = CLR_NEW(int64_t, clr_store_info_of(p->test)->images);
}

/* Of everything that inference reads. */
static uint64_t weights_of(const clr_pretrained *f)
{
    uint64_t hash = clr_hash(CLR_HASH_START, f->params.value, (size_t)f->params.weights.floats * sizeof(float));

    return clr_hash(hash, f->params.state, (size_t)f->params.states.floats * sizeof(float));
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const clr_probe_config *c = settings;
    clr_probe p = {.comm = comm, .config = c};
    clr_evaluation result[3][CLR_PROBE_METHODS] = {0}; /* trained, untrained, pixels */
    double began = clr_seconds();
    clr_status st = CLR_OK;
    (void)set;

    if (!c->checkpoint || !c->train || !c->test)
        return clr_comm_agree(comm, clr_fail(CLR_EUSAGE, "--%s is missing",
                                             !c->checkpoint ? "checkpoint"
                                             : !c->train    ? "train"
                                                            : "test"));
    clr_comm_threads(comm, c->threads);
    if ((st = clr_pretrained_open_at(comm, c->checkpoint, CLR_FEATURES_BATCH, c->features, &p.pretrained)) != CLR_OK)
        goto out;
    p.raw_side = (int)clr_min64(p.pretrained.config.encoder.size,
                                RAW_SIDE); /* larger images do not improve raw pixels, and take 50 times the memory */
    p.weights = weights_of(&p.pretrained);
    if (c->predictions && !clr_comm_rank(comm))
        st = clr_output_check(c->predictions, c->force);
    if (st == CLR_OK)
        st = clr_store_open(c->train, &p.train);
    if (st == CLR_OK)
        st = clr_store_open(c->test, &p.test);
    if (st == CLR_OK)
        st = clr_probe_check_data(&p);
    if ((st = clr_comm_agree(comm, st)) != CLR_OK)
        goto out;
    if ((st = clr_comm_agree(comm, clr_comm_rank(comm) ? CLR_OK : clr_probe_check_overlap(&p))) != CLR_OK)
        goto out;
    make_room_for_predictions(&p);
    if (clr_comm_rank(comm) == 0)
        clr_probe_say_protocol(&p);
    st = evaluate(&p, 0, result[0]);
    CLR_CHECK(weights_of(&p.pretrained) == p.weights);
    clr_pretrained_reset(&p.pretrained);
    for (int which = 1; which < 3 && st == CLR_OK; which++)
        st = evaluate(&p, which, result[which]);
    if (st != CLR_OK)
        goto out;
    if (clr_comm_rank(comm) == 0) {
        clr_probe_say_results(&p, result, clr_seconds() - began);
        clr_probe_write_rows(&p, result);
        st = clr_probe_write_tables(&p);
    }
    st = clr_comm_agree(comm, st);
out:
    for (int m = 0; m < CLR_PROBE_METHODS; m++)
        clr_free(p.predicted[m]);
    clr_probe_free_labels(&p);
    clr_store_close(p.train);
    clr_store_close(p.test);
    clr_pretrained_close(&p.pretrained);
    return st;
}

const clr_command clr_command_probe = {
    .name = "probe",
    .arguments = "",
    .help = "how good pretrained features are: linear classifier and kNN, beside untrained weights and raw pixels",
    .example = "simclr probe --checkpoint=runs/a --train=train.h5 --test=test.h5",
    .options = options,
    .config_bytes = sizeof(clr_probe_config),
    .run = run};
