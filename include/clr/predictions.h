/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PREDICTIONS_H
#define CLR_PREDICTIONS_H
/* What classifiers took each test image for, and what follows from that: tables, an interval, a test of significance.
   Local. */

#include "clr/store.h"

typedef struct clr_predictions {
    int64_t rows;
    int classes;
    const char *const *class_names;
    const int32_t *labels; /* (rows) */
    int methods;
    const char *const *method;       /* their names */
    const int64_t *const *predicted; /* (methods)(rows), classes */
} clr_predictions;

/* A file that appears whole: a comment line with the columns, then a line an image of test: its number, its name, its
   class, and the class that each method chose, as names. Tabs and ends of lines in names become blanks. own: the name
   is the program's own (output.h). */
clr_status clr_predictions_write(const char *path, bool own, clr_store *test, const clr_predictions *p);

/* The confusion matrix of one method, a file of the program's own: "# class" and the names of the classes, then a line
   a class: its name, and how many of its images were taken for each. */
clr_status clr_confusion_write(const char *path, const clr_predictions *p, int method);

/* Percent: the mean over classes that have images of the share of their images that are right. */
double clr_mean_class_accuracy(const clr_predictions *p, int method);

/* The 95 % interval of an accuracy of `right` among n images, in percent: the 2.5 and 97.5 % quantiles of the bootstrap
   over images. A resample has Binomial(n, right / n) right images, so no resample is drawn. */
void clr_accuracy_interval(int64_t right, int64_t n, double range[2]);

/* A paired permutation test between two classifiers (protocol B.8.2): if they were equal, who of them is right could be
   exchanged on each image. a[k], b[k]: images of group k that only the first, only the second has right; weight[k] of
   such an image in the accuracy. The share of `samples` random exchanges (and the one that was seen) whose difference
   is at least as large as the one seen, either way. A pure function of its arguments. */
double clr_permutation_test(const int64_t *a, const int64_t *b, const double *weight, int groups, int64_t samples,
                            uint64_t seed);

#endif
