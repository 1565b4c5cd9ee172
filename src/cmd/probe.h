/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CMD_PROBE_H
#define CLR_CMD_PROBE_H
/* A probe at work, for the files that make it up. Local. */
#include "clr/evaluate.h"
#include "clr/pretrained.h"
#include "clr/store.h"

typedef enum clr_probe_method {
    CLR_PROBE_LINEAR,
    CLR_PROBE_KNN,
    CLR_PROBE_LBFGS,
    CLR_PROBE_PAPER,
    CLR_PROBE_MLP,
    CLR_PROBE_METHODS
} clr_probe_method;

enum { CLR_PROBE_KNNS = CLR_RATES * CLR_RATES };

typedef struct clr_probe_config {
    const char *checkpoint, *train, *test, *predictions, *predict;
    int features; /* a tap */
    bool wants[CLR_PROBE_METHODS];
    clr_linear_config linear;
    clr_rates k, temperature; /* of kNN: each with each */
    clr_lbfgs_config lbfgs;
    clr_mlp_config mlp;
    int64_t threads;
    double watchdog;
    bool force, shuffle_labels;
} clr_probe_config;

typedef struct clr_probe {
    clr_comm *comm;
    const clr_probe_config *config;
    clr_store *train, *test;
    int32_t *train_labels,
        *test_labels;                  /* to predict, by train's numbers; --shuffle-labels: train's in another order */
    int classes;                       /* of these labels */
    const char *const *class_names;    /* (classes) */
    double chance;                     /* percent of the test images in their most frequent class */
    clr_transformation transformation; /* of --predict; its name NULL: the dataset's classes are predicted */
    clr_transformed transformed[2];    /* training images, test images */
    int64_t *predicted[CLR_PROBE_METHODS]; /* (test images) by the trained network; of kNN by its first settings */
    uint64_t weights;                      /* their checksum */
    int dim;                               /* of the trained network's features */
    clr_features_figures figures;          /* of the test images' features by the trained network */
    int64_t common;                        /* test images that are training images too */
    clr_pretrained pretrained;
    clr_knn_config knn[CLR_PROBE_KNNS]; /* with k resolved; the first is that of the sentences */
    int knns;
    clr_evaluation voted[3][CLR_PROBE_KNNS]; /* by each of them */
    clr_lbfgs_result lbfgs[3];               /* as result below */
    clr_linear_result linear[3];             /* of CLR_PROBE_LINEAR */
    int raw_side;
} clr_probe;

/* Unless a transformation is to be predicted, both sets must have labels, the training images at least two classes, and
   the test images only classes of the training images. Fills the labels, what belongs to them, and knn. */
clr_status clr_probe_check_data(clr_probe *p);
void clr_probe_free_labels(clr_probe *p);

/* On rank 0: warns of test images that are also training images, pixel by pixel, and refuses the same images in another
   order. Fills common. */
clr_status clr_probe_check_overlap(clr_probe *p);

/* probe_methods.c. Local. "knn,linear-lbfgs" into clr_probe_config.wants; whether a method is wanted; its name. */
clr_status clr_probe_parse_methods(const char *text, void *field);
bool clr_probe_wants(const clr_probe_config *config, clr_probe_method method);
const char *clr_probe_name_of(clr_probe_method m);
/* A method's name in result lines: "knn", with --predict=rotate "rotate:knn". text: CLR_PROBE_TITLE characters. */
enum { CLR_PROBE_TITLE = 32 };
const char *clr_probe_title(const clr_probe *p, clr_probe_method m, char *text);
/* Collective. Applies one method to features: of the trained network (which 0), the untrained one (1), pixels (2). */
clr_status clr_probe_apply(clr_probe *p, clr_probe_method m, int which, const clr_features *train, clr_features *test,
                           clr_evaluation *result);

/* probe_protocol.c. Local. clr_probe_say_protocol: rank 0. How many results a method has: one, kNN one for each k and
   temperature; and how it is applied for result i, in one sentence, freed by clr_free. */
void clr_probe_say_protocol(const clr_probe *p);
int clr_probe_results(const clr_probe *p, clr_probe_method m);
char *clr_probe_protocol(const clr_probe *p, clr_probe_method m, int i);

/* probe_say.c. Local; rank 0. result: of the trained network, the untrained one, and raw pixels. */
void clr_probe_say_results(const clr_probe *p, clr_evaluation result[3][CLR_PROBE_METHODS], double seconds);
void clr_probe_say_verdict(const clr_probe *p, clr_evaluation result[3][CLR_PROBE_METHODS], clr_probe_method m);
/* probe_tables.c. Local; rank 0. --predictions, and RUN/confusion.tsv of the first method unless the run directory is
   read-only. */
clr_status clr_probe_write_tables(const clr_probe *p);
/* Percent: the mean over classes, of a method's predictions. */
double clr_probe_mean_class(const clr_probe *p, clr_probe_method m);
/* Appends a row for each method to RUN/probe.tsv, unless the run directory is read-only. */
void clr_probe_write_rows(const clr_probe *p, clr_evaluation result[3][CLR_PROBE_METHODS]);

#endif
