/* SPDX-License-Identifier: BSD-3-Clause */
/* compare: two files of predictions on the same test images, and whether their difference is more than chance. */
#include "clr/cmd.h"
#include "clr/mem.h"
#include "clr/predictions.h"
#include "clr/rng.h"
#include "judged.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct config {
    const char *method;
    int64_t samples, seed;
} config;

#define AT(field) offsetof(config, field)
static const clr_opt own[] = {
    {"method", CLR_OPT_TEXT, AT(method), NULL, "NAME", 0, 0, NULL, 0,
     "whose predictions are compared, where a file has those of several; default: the first"},
    {"samples", CLR_OPT_LONG, AT(samples), "100000", "N", 100, 1e9, NULL, 0, "random exchanges of the test"},
    {0}};
static const clr_opt_part options[] = {{own, 0, NULL}, {clr_seed_option, AT(seed), NULL}, {0}};

/* What both have right, by class. */
typedef struct counts {
    int classes;
    char **name;
    int64_t *images, *right[2], *only[2]; /* (classes) */
} counts;

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static counts count(const clr_judged *a, const clr_judged *b)
{
    counts c = {.name = CLR_NEW(char *, a->rows)};

    for (int64_t i = 0; i < a->rows; i++)
        c.name[i] = a->label[i];
    qsort(c.name, (size_t)a->rows, sizeof *c.name, by_name);
    for (int64_t i = 0; i < a->rows; i++)
        if (!c.classes || strcmp(c.name[c.classes - 1], c.name[i]))
            c.name[c.classes++] = c.name[i];
    c.images = CLR_NEW(int64_t, c.classes);
    for (int s = 0; s < 2; s++) {
        c.right[s] = CLR_NEW(int64_t, c.classes);
        c.only[s] = CLR_NEW(int64_t, c.classes);
    }
    for (int64_t i = 0; i < a->rows; i++) {
        char **at = bsearch(&a->label[i], c.name, (size_t)c.classes, sizeof *c.name, by_name);
        int64_t k = at - c.name;
        bool right[2] = {!strcmp(a->chosen[i], a->label[i]), !strcmp(b->chosen[i], b->label[i])};
        c.images[k]++;
        for (int s = 0; s < 2; s++) {
            c.right[s][k] += right[s];
            c.only[s][k] += right[s] && !right[1 - s];
        }
    }
    return c;
}

static void drop(counts *c)
{
    clr_free(c->name);
    clr_free(c->images);
    for (int s = 0; s < 2; s++) {
        clr_free(c->right[s]);
        clr_free(c->only[s]);
    }
}

/* Top-1, then the mean over classes: accuracies, difference, p. */
static void say(const clr_judged *j[2], const counts *c, const config *settings)
{
    static const char *const what[] = {"top-1", "mean per class"};
    double *weight = CLR_NEW(double, c->classes), percent[2][2] = {{0}}, p[2];
    int64_t all[2] = {0}, only[2] = {0};

    for (int m = 0; m < 2; m++) {
        for (int k = 0; k < c->classes; k++) {
            weight[k] = m ? 100.0 / c->classes / (double)c->images[k] : 100.0 / (double)j[0]->rows;
            for (int s = 0; s < 2; s++) {
                percent[m][s] += weight[k] * (double)c->right[s][k];
                all[s] += m ? 0 : c->right[s][k];
                only[s] += m ? 0 : c->only[s][k];
            }
        }
        p[m] = clr_permutation_test(c->only[0], c->only[1], weight, c->classes, settings->samples,
                                    (uint64_t)settings->seed);
        printf("%s: %.2f and %.2f, a difference of %+.2f, p = %.3g: %s\n", what[m], percent[m][0], percent[m][1],
               percent[m][0] - percent[m][1], p[m],
               p[m] < 0.05 ? "more than chance (at 5 %)" : "no more than chance may give (at 5 %)");
    }
    double range[2][2];
    for (int s = 0; s < 2; s++)
        clr_accuracy_interval(all[s], j[s]->rows, range[s]);
    printf("compare images=%" PRId64 " top1=%.2f,%.2f ci95=%.2f-%.2f,%.2f-%.2f mean_class=%.2f,%.2f "
           "only_first=%" PRId64 " only_second=%" PRId64 " p=%.4g p_mean_class=%.4g samples=%" PRId64
           " methods=%s,%s\n",
           j[0]->rows, percent[0][0], percent[0][1], range[0][0], range[0][1], range[1][0], range[1][1], percent[1][0],
           percent[1][1], only[0], only[1], p[0], p[1], settings->samples, j[0]->method, j[1]->method);
    clr_free(weight);
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const config *c = settings;
    clr_judged a = {0}, b = {0};
    clr_status st = clr_judged_read(set->argument[0], c->method, &a);

    (void)comm;
    if (st == CLR_OK)
        st = clr_judged_read(set->argument[1], c->method, &b);
    if (st == CLR_OK)
        st = clr_judged_same(&a, &b);
    if (st == CLR_OK) {
        counts counted = count(&a, &b);
        printf("first: %s (%s)\nsecond: %s (%s)\n%" PRId64 " test images of %d classes; a paired permutation test with "
               "%" PRId64 " samples\n",
               a.path, a.method, b.path, b.method, a.rows, counted.classes, c->samples);
        say((const clr_judged *[]){&a, &b}, &counted, c);
        drop(&counted);
    }
    clr_judged_free(&a);
    clr_judged_free(&b);
    return st;
}

const clr_command clr_command_compare = {
    .name = "compare",
    .arguments = "FIRST.tsv SECOND.tsv",
    .help = "two classifiers on the same test images, by their predictions: whether the difference is more than chance",
    .example = "simclr compare a.tsv b.tsv",
    .options = options,
    .config_bytes = sizeof(config),
    .least = 2,
    .most = 2,
    .alone = true,
    .run = run};
