/* SPDX-License-Identifier: BSD-3-Clause */
/* The perceptron against double precision, and the transformations that it is asked about, on any number of ranks. */
#include "linear.h"
#include "mlp.h"

#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/test.h"
#include "clr/transformation.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 300, DIM = 5, CLASSES = 3, HIDDEN = 7 };

static clr_comm *comm;

/* Points of a plane and three numbers that say nothing; the class is how far from the origin. */
static clr_features rings(int64_t rows, uint64_t seed)
{
    clr_features f = {rows, DIM, CLR_NEW(float, rows *DIM), NULL, CLASSES};
    int32_t *labels = CLR_NEW(int32_t, rows);

    for (int64_t r = 0; r < rows; r++) {
        clr_rng rng = clr_rng_for(seed, 0, (uint64_t)r, 0, CLR_RNG_PROBE);
        labels[r] = (int32_t)(r % CLASSES);
        double angle = clr_rng_between(&rng, 0, 2 * M_PI), radius = labels[r] + clr_rng_between(&rng, 0.2, 0.8);
        f.h[r * DIM] = (float)(3 + 2 * radius * cos(angle));
        f.h[r * DIM + 1] = (float)(radius * sin(angle));
        for (int i = 2; i < DIM; i++)
            f.h[r * DIM + i] = (float)clr_rng_normal(&rng);
    }
    f.labels = labels;
    return f;
}

static void free_rings(clr_features *f)
{
    clr_free((void *)(uintptr_t)f->labels);
    clr_features_free(f);
}

/* The mean cross-entropy, by the definition. */
static double plain_loss(const clr_mlp *mlp, const clr_features *f, const double *v, const double *w)
{
    double loss = 0;

    for (int64_t r = 0; r < f->rows; r++) {
        double a[HIDDEN + 1] = {0}, score[CLASSES] = {0}, sum = 0;
        for (int j = 0; j < HIDDEN; j++) {
            for (int i = 0; i <= DIM; i++)
                a[j] += (i < DIM ? ((double)f->h[r * DIM + i] - mlp->scale.mean[i]) * mlp->scale.inverse[i] : 1) *
                        v[i * HIDDEN + j];
            a[j] = fmax(a[j], 0);
        }
        a[HIDDEN] = 1;
        for (int k = 0; k < CLASSES; k++) {
            for (int j = 0; j <= HIDDEN; j++)
                score[k] += a[j] * w[j * CLASSES + k];
            sum += exp(score[k]);
        }
        loss += log(sum) - score[f->labels[r]];
    }
    return loss / (double)f->rows;
}

static const clr_mlp_config small = {.epochs = 1, .batch = ROWS, .hidden = HIDDEN, .lr = 0.01, .seed = 3};

START_TEST(the_gradient_is_the_central_difference)
{
    enum { V = (DIM + 1) * HIDDEN, W = (HIDDEN + 1) * CLASSES };
    const double by = 1e-6;
    clr_features f = rings(ROWS, 1);
    clr_mlp mlp = clr_mlp_new(&f, &small);
    clr_mlp_work work = clr_mlp_work_of(&mlp, &f, ROWS);
    double at[V + W], most = 0;
    int order[ROWS];

    for (int r = 0; r < ROWS; r++)
        order[r] = r;
    for (int i = 0; i < V + W; i++) /* biases too away from their 0 */
        at[i] = clr_params_value(&mlp.params, i >= V)[i < V ? i : i - V] += 0.01f * (float)(i % 7 - 3);
    clr_mlp_differentiate(&work, order, ROWS, ROWS);
    for (int i = 0; i < V + W; i++) {
        double here = at[i];
        at[i] = here + by;
        double up = plain_loss(&mlp, &f, at, at + V);
        at[i] = here - by;
        double down = plain_loss(&mlp, &f, at, at + V);
        at[i] = here;
        most = fmax(most, fabs((up - down) / (2 * by) - clr_params_grad(&mlp.params, i >= V)[i < V ? i : i - V]));
    }
    /* Terms of about 1, whose mean over rows is taken; a unit that is within `by` of its kink moves a gradient by a
       row's part at most, and there is none in these data. */
    ck_assert_double_lt(most, 16 * FLT_EPSILON * sqrt(ROWS) + 1e-8);
    clr_mlp_work_free(&work);
    clr_mlp_free(&mlp);
    free_rings(&f);
}
END_TEST

START_TEST(rings_are_told_where_lines_cannot)
{
    clr_features train = rings(3000, 1), test = rings(600, 2);
    const clr_mlp_config config = {.epochs = 60, .batch = 100, .hidden = 64, .lr = 0.01, .seed = 1};
    const clr_linear_config linear = {30, 100, 1, 0.9, 0, 1};
    clr_evaluation got;
    clr_linear_result line;

    ck_assert_int_eq(clr_mlp_probe(comm, &train, &test, &config, &got), CLR_OK);
    ck_assert_int_eq(clr_linear_probe(comm, &train, &test, &linear, &line), CLR_OK);
    ck_assert_double_gt(got.top1, 90);
    ck_assert_double_lt(line.test.top1, 60);
    ck_assert(isnan(got.top5));
    free_rings(&train);
    free_rings(&test);
}
END_TEST

START_TEST(threads_change_no_bit)
{
    clr_features f = rings(ROWS, 1);
    const clr_mlp_config config = {.epochs = 3, .batch = 64, .hidden = 0, .lr = 0.01, .seed = 3};
    clr_mlp one, three;

    omp_set_num_threads(1);
    ck_assert_int_eq(clr_mlp_fit(comm, &f, &config, &one), CLR_OK);
    omp_set_num_threads(3);
    ck_assert_int_eq(clr_mlp_fit(comm, &f, &config, &three), CLR_OK);
    ck_assert_int_eq(one.hidden, DIM);
    ck_assert_int_eq(memcmp(one.params.value, three.params.value, (size_t)one.params.weights.floats * sizeof(float)),
                     0);
    clr_mlp_free(&one);
    clr_mlp_free(&three);
    free_rings(&f);
}
END_TEST

START_TEST(a_step_that_is_too_large_is_named)
{
    clr_features f = rings(ROWS, 1);
    clr_mlp_config config = {.epochs = 5, .batch = 64, .lr = 1e38, .seed = 3};
    clr_evaluation got;

    ck_assert_int_eq(clr_mlp_probe(comm, &f, &f, &config, &got), CLR_ENUMERIC);
    ck_assert_ptr_nonnull(strstr(clr_message(), "--mlp-lr"));
    free_rings(&f);
}
END_TEST

/* Each class as often as its share says, by five deviations; test images get draws of their own. */
START_TEST(classes_come_by_their_shares)
{
    enum { IMAGES = 20000 };
    static const char *const words[] = {"gray", "rotate", "noise", "sobel"};

    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        clr_transformation t;
        int64_t count[CLR_TRANSFORMATION_CLASSES] = {0}, same = 0;
        ck_assert_int_eq(clr_transformation_of(words[w], "crop,flip", &t), CLR_OK);
        clr_transformed train = clr_transformed_of(&t, 5, 0, IMAGES), test = clr_transformed_of(&t, 5, 1, IMAGES);
        for (int i = 0; i < IMAGES; i++) {
            ck_assert(train.label[i] >= 0 && train.label[i] < t.classes);
            count[train.label[i]]++;
            same += train.label[i] == test.label[i];
        }
        for (int c = 0; c < t.classes; c++)
            ck_assert_double_lt(fabs((double)count[c] - IMAGES * t.share[c]),
                                5 * sqrt(IMAGES * t.share[c] * (1 - t.share[c])));
        ck_assert_int_lt(same, IMAGES * 4 / 5);
        clr_free(train.label);
        clr_free(test.label);
    }
}
END_TEST

static void view(const clr_transformation *t, int class, const clr_image *image, float *out)
{
    float *scratch = CLR_NEW(float, clr_augment_floats(image->height * image->width, image->width, 3, image->width));

    clr_augment_apply(&t->view[class], image, image->width, 1, 0, 4, 0, scratch, out);
    clr_free(scratch);
}

START_TEST(views_are_of_their_class)
{
    enum { SIDE = 6, FLOATS = SIDE * SIDE * 3 };
    uint8_t pixels[FLOATS];
    const clr_image image = {.height = SIDE, .width = SIDE, .channels = 3, .pixels = pixels};
    clr_transformation t;
    float a[FLOATS], b[FLOATS];

    for (int i = 0; i < FLOATS; i++)
        pixels[i] = (uint8_t)(i * 37 % 251);
    /* The list's own gray is left out: the view of class "colour" is the image. */
    ck_assert_int_eq(clr_transformation_of("gray", "gray:1", &t), CLR_OK);
    view(&t, 0, &image, a);
    view(&t, 1, &image, b);
    for (int i = 0; i < FLOATS; i++)
        ck_assert_float_eq_tol(a[i], (float)pixels[i] / 255, FLT_EPSILON);
    for (int i = 0; i < FLOATS; i += 3) {
        ck_assert(b[i] == b[i + 1] && b[i] == b[i + 2]);
        ck_assert_float_eq_tol(b[i], 0.2989f * a[i] + 0.5870f * a[i + 1] + 0.1140f * a[i + 2], 4 * FLT_EPSILON);
    }
    ck_assert_int_eq(clr_transformation_of("rotate", "none", &t), CLR_OK);
    view(&t, 0, &image, a);
    view(&t, 2, &image, b); /* by 180 degrees */
    for (int i = 0; i < SIDE * SIDE; i++)
        for (int k = 0; k < 3; k++)
            ck_assert_float_eq(b[i * 3 + k], a[(SIDE * SIDE - 1 - i) * 3 + k]);
    ck_assert_int_eq(clr_transformation_of("sepia", "none", &t), CLR_EUSAGE);
    ck_assert_int_eq(clr_transformation_of("rotate", "crop,rubbish", &t), CLR_EUSAGE);
    ck_assert_int_eq(
        clr_transformation_of("rotate",
                              "flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip", &t),
        CLR_EUSAGE);
}
END_TEST

int main(int argc, char **argv)
{
    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK)
        return EXIT_FAILURE;
    TCase *tcase = tcase_create("mlp");
    tcase_add_test(tcase, the_gradient_is_the_central_difference);
    tcase_add_test(tcase, rings_are_told_where_lines_cannot);
    tcase_add_test(tcase, threads_change_no_bit);
    tcase_add_test(tcase, a_step_that_is_too_large_is_named);
    tcase_add_test(tcase, classes_come_by_their_shares);
    tcase_add_test(tcase, views_are_of_their_class);
    int status = clr_test_run("mlp", tcase, CK_NOFORK);
    clr_comm_stop(comm);
    return status;
}
