/* SPDX-License-Identifier: BSD-3-Clause */
/* kNN and the linear classifier against plain double-precision references, on any number of ranks. */
#include "evaluation.h"
#include "linear.h"

#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIN = 397, TEST = 131, DIM = 19, CLASSES = 7 };

static clr_comm *comm;
static clr_features train, test;

/* Clouds around class centres, one feature that never moves, features of very different sizes. */
static clr_features cloud(int64_t rows, uint64_t seed)
{
    clr_features f = {rows, DIM, CLR_NEW(float, rows *DIM), NULL, CLASSES};
    int32_t *labels = CLR_NEW(int32_t, rows);

    for (int64_t r = 0; r < rows; r++) {
        labels[r] = (int32_t)(r * 5 % CLASSES);
        clr_rng rng = clr_rng_for(seed, 0, (uint64_t)r, 0, CLR_RNG_PROBE),
                centre = clr_rng_for(99, 0, (uint64_t)labels[r], 0, 0);
        for (int i = 0; i < DIM; i++)
            f.h[r * DIM + i] =
                i == 3 ? 2.5f : (float)((clr_rng_normal(&centre) + 1.3 * clr_rng_normal(&rng)) * pow(3, i % 5 - 2) + i);
    }
    f.labels = labels;
    return f;
}

static void setup(void)
{
    train = cloud(TRAIN, 1);
    test = cloud(TEST, 2);
}

static void teardown(void)
{
    clr_free((void *)(uintptr_t)train.labels);
    clr_free((void *)(uintptr_t)test.labels);
    clr_free(train.h);
    clr_free(test.h);
}

static double cosine(const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;

    for (int i = 0; i < DIM; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* Votes by sorting everything. False where rounding could decide: the k-th similarity is as good as the next one
   (error of a cosine: c * eps * sqrt(DIM)), or two votes are alike (the same over the temperature, relative). *chosen:
   the class with the largest vote, or -1 where rounding could decide which. */
static bool reference_place(int64_t i, int64_t k, double temperature, int *place, int *chosen)
{
    const double error = 4 * FLT_EPSILON * sqrt(DIM);
    double s[TRAIN], vote[CLASSES] = {0}, nearest = 0, last = 2;
    bool used[TRAIN] = {false}, sure = true;

    for (int j = 0; j < TRAIN; j++)
        s[j] = cosine(test.h + i * DIM, train.h + (int64_t)j * DIM);
    for (int64_t n = 0; n <= k && n < TRAIN; n++) {
        int best = -1;
        for (int j = 0; j < TRAIN; j++)
            if (!used[j] && (best < 0 || s[j] > s[best]))
                best = j;
        used[best] = true;
        nearest = n ? nearest : s[best];
        if (n < k)
            vote[train.labels[best]] += exp((s[best] - nearest) / temperature);
        else
            sure = last - s[best] > error;
        last = s[best];
    }
    *chosen = 0;
    for (int c = 1; c < CLASSES; c++)
        *chosen = vote[c] > vote[*chosen] ? c : *chosen;
    bool alone = sure;
    for (int c = 0; c < CLASSES; c++)
        alone = alone && (c == *chosen || vote[*chosen] - vote[c] > error / temperature * (vote[c] + vote[*chosen]));
    *chosen = alone ? *chosen : -1;
    *place = 0;
    for (int c = 0; c < CLASSES; c++) {
        *place += vote[c] > vote[test.labels[i]] || (vote[c] == vote[test.labels[i]] && c < test.labels[i]);
        if (c != test.labels[i] && vote[c] + vote[test.labels[i]] > 0)
            sure =
                sure && fabs(vote[c] - vote[test.labels[i]]) > error / temperature * (vote[c] + vote[test.labels[i]]);
    }
    return sure;
}

START_TEST(knn_is_the_reference)
{
    static const clr_knn_config configs[] = {{1, 0.1}, {7, 0.05}, {60, 0.1}, {200, 0.1}, {1000, 1}, {60, 1e-3}};

    enum { SETTINGS = sizeof configs / sizeof *configs };
    clr_evaluation together[SETTINGS];

    memset(test.h + 5 * DIM, 0, DIM * sizeof(float)); /* similar to nothing */
    ck_assert_int_eq(clr_knn(comm, &train, &test, configs, SETTINGS, together), CLR_OK);
    for (size_t c = 0; c < sizeof configs / sizeof *configs; c++) {
        clr_evaluation got;
        int64_t hits[2] = {0, 0}, unsure = 0, open = 0, predicted[TEST] = {0};
        test.predicted = predicted;
        ck_assert_int_eq(clr_knn(comm, &train, &test, &configs[c], 1, &got), CLR_OK);
        ck_assert(got.top1 == together[c].top1 && got.top5 == together[c].top5);
        for (int64_t i = 0; i < TEST; i++) {
            int place, chosen;
            unsure += !reference_place(i, configs[c].k < TRAIN ? configs[c].k : TRAIN, configs[c].temperature, &place,
                                       &chosen);
            open += chosen < 0;
            if (chosen >= 0 && predicted[i] != chosen) /* every image, on every rank */
                ck_abort_msg("image %d: %d, not %d", (int)i, (int)predicted[i], chosen);
            hits[0] += place < 1;
            hits[1] += place < 5;
        }
        test.predicted = NULL;
        ck_assert_int_le(unsure, 4);
        ck_assert_int_le(open, 4);
        ck_assert_double_le(fabs(got.top1 * TEST / 100 - (double)hits[0]), (double)unsure + 1e-9);
        ck_assert_double_le(fabs(got.top5 * TEST / 100 - (double)hits[1]), (double)unsure + 1e-9);
        ck_assert(got.top1 > 100.0 / CLASSES && got.top5 >= got.top1 && got.top1 < 100);
    }
}
END_TEST

/* Neighbours of equal similarity: the earlier ones count. */
START_TEST(knn_breaks_ties_by_place)
{
    clr_features same = train;
    clr_evaluation got;
    int64_t first = 0;

    same.h = CLR_NEW(float, TRAIN *DIM);
    for (int i = 0; i < TRAIN * DIM; i++)
        same.h[i] = (float)(1 + i % DIM);
    ck_assert_int_eq(clr_knn(comm, &same, &test, &(clr_knn_config){1, 0.1}, 1, &got), CLR_OK);
    for (int i = 0; i < TEST; i++)
        first += test.labels[i] == train.labels[0];
    ck_assert_double_eq_tol(got.top1, 100.0 * (double)first / TEST, 1e-9);
    clr_free(same.h);
}
END_TEST

/* The same algorithm in double, in plain loops. weight: (DIM + 1, CLASSES). */
typedef struct plain {
    double mean[DIM], inverse[DIM], weight[(DIM + 1) * CLASSES];
} plain;

static void plain_standardise(plain *p)
{
    for (int i = 0; i < DIM; i++) {
        double sum = 0, square = 0;
        for (int r = 0; r < TRAIN; r++)
            sum += train.h[r * DIM + i];
        for (int r = 0; r < TRAIN; r++)
            square += pow(train.h[r * DIM + i] - sum / TRAIN, 2);
        p->mean[i] = sum / TRAIN;
        p->inverse[i] = square > 1e-9 ? 1 / sqrt(square / TRAIN * DIM) : 0;
    }
}

static double input(const plain *p, const float *h, int i)
{
    return i < DIM ? (h[i] - p->mean[i]) * p->inverse[i] : 1;
}

/* The mean of -log p_y over rows order[0 .. n), with decay; residual: NULL, or p - y of the last row. */
static double plain_loss(const plain *p, const int *order, int n, double decay, double *residual)
{
    double loss = 0;

    for (int r = 0; r < n; r++) {
        const float *h = train.h + order[r] * DIM;
        int y = train.labels[order[r]];
        double score[CLASSES], sum = 0;
        for (int c = 0; c < CLASSES; c++) {
            score[c] = 0;
            for (int i = 0; i <= DIM; i++)
                score[c] += input(p, h, i) * p->weight[i * CLASSES + c];
            sum += exp(score[c]);
        }
        loss -= (score[y] - log(sum)) / n;
        for (int c = 0; c < CLASSES && residual; c++)
            residual[c] = exp(score[c]) / sum - (c == y);
    }
    for (int i = 0; i < DIM * CLASSES; i++)
        loss += decay / 2 * p->weight[i] * p->weight[i];
    return loss;
}

static void plain_fit(plain *p, const clr_linear_config *config)
{
    double velocity[(DIM + 1) * CLASSES] = {0};
    int order[TRAIN], a_epoch = (int)((TRAIN + config->batch - 1) / config->batch),
                      steps = (int)config->epochs * a_epoch;

    for (int r = 0; r < TRAIN; r++)
        order[r] = r;
    for (int step = 0; step < steps; step++) {
        double gradient[(DIM + 1) * CLASSES] = {0}, residual[CLASSES];
        int at = step % a_epoch * (int)config->batch, n = TRAIN - at < config->batch ? TRAIN - at : (int)config->batch;
        if (step % a_epoch == 0) {
            clr_rng rng = clr_rng_for(config->seed, (uint64_t)(step / a_epoch), 0, 0, CLR_RNG_PROBE);
            clr_rng_shuffle(&rng, order, TRAIN);
        }
        for (int r = 0; r < n; r++) {
            plain_loss(p, order + at + r, 1, 0, residual);
            for (int i = 0; i <= DIM; i++)
                for (int c = 0; c < CLASSES; c++)
                    gradient[i * CLASSES + c] += input(p, train.h + order[at + r] * DIM, i) * residual[c] / n;
        }
        double lr = config->lr / 2 * (1 + cos(M_PI * step / steps));
        for (int i = 0; i < (DIM + 1) * CLASSES; i++) {
            double g = gradient[i] + (i < DIM * CLASSES ? config->weight_decay * p->weight[i] : 0);
            velocity[i] = config->momentum * velocity[i] + g;
            p->weight[i] -= lr * (g + config->momentum * velocity[i]);
        }
    }
}

static double distance(const clr_linear *linear, const plain *p)
{
    double apart = 0, length = 0;

    for (int i = 0; i < (DIM + 1) * CLASSES; i++) {
        apart += pow(linear->weight[i] - p->weight[i], 2);
        length += pow(p->weight[i], 2);
    }
    return sqrt(apart / length);
}

START_TEST(linear_fit_is_the_reference)
{
    static const clr_linear_config configs[] = {{3, 50, 1.5, 0.9, 1e-3, 7},
                                                {2, TRAIN, 4, 0.5, 0, 1},
                                                {1, 1, 0.1, 0.9, 0, 2},
                                                {2, 64, 0.01, 0.9, 0, 3, .as_they_are = true}};

    for (size_t c = 0; c < sizeof configs / sizeof *configs; c++) {
        plain p = {0};
        clr_linear linear;
        clr_evaluation got;
        int64_t hits = 0;
        plain_standardise(&p);
        for (int i = 0; i < DIM && configs[c].as_they_are; i++)
            p.mean[i] = 0, p.inverse[i] = 1;
        plain_fit(&p, &configs[c]);
        ck_assert_int_eq(clr_linear_fit(comm, &train, &configs[c], &linear), CLR_OK);
        int64_t sums = configs[c].epochs * TRAIN; /* terms that a weight is made of */
        ck_assert_double_lt(distance(&linear, &p), 16 * FLT_EPSILON * sqrt((double)sums * (DIM + 1)));
        clr_linear_judge(comm, &linear, &test, &got);
        for (int r = 0; r < TEST; r++) {
            float score[CLASSES] = {0};
            for (int k = 0; k < CLASSES; k++) {
                double sum = 0;
                for (int i = 0; i <= DIM; i++)
                    sum += input(&p, test.h + r * DIM, i) * p.weight[i * CLASSES + k];
                score[k] = (float)sum;
            }
            hits += clr_rank_of(score, CLASSES, test.labels[r]) == 0;
        }
        ck_assert_double_le(fabs(got.top1 * TEST / 100 - (double)hits),
                            1 + 1e-9); /* one test row may sit on a border */
        clr_linear_free(&linear);
    }
}
END_TEST

/* One step from zero over everything moves the weights by -lr (1 + momentum) times the gradient. */
START_TEST(the_first_step_is_the_central_difference)
{
    const double momentum = 0.5, lr = 0.25, by = 1e-5;
    clr_linear_config config = {1, TRAIN, lr, momentum, 0, 3};
    clr_linear linear;
    plain p = {0}, at = {0};
    int order[TRAIN];

    plain_standardise(&p);
    at = p;
    for (int r = 0; r < TRAIN; r++)
        order[r] = r;
    for (int i = 0; i < (DIM + 1) * CLASSES; i++) {
        p.weight[i] = by;
        double up = plain_loss(&p, order, TRAIN, 0, NULL);
        p.weight[i] = -by;
        double down = plain_loss(&p, order, TRAIN, 0, NULL);
        p.weight[i] = 0;
        at.weight[i] = -lr * (1 + momentum) * (up - down) / (2 * by);
    }
    ck_assert_int_eq(clr_linear_fit(comm, &train, &config, &linear), CLR_OK);
    ck_assert_double_lt(distance(&linear, &at), 1e-5); /* by^2 for the difference, eps * sqrt(TRAIN) for the fit */
    clr_linear_free(&linear);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_bits)
{
    clr_linear_config config = {2, 64, 2, 0.9, 0, 5};
    clr_linear a, b, other;
    size_t bytes = (DIM + 1) * CLASSES * sizeof(float);

    ck_assert_int_eq(clr_linear_fit(comm, &train, &config, &a), CLR_OK);
    ck_assert_int_eq(clr_linear_fit(comm, &train, &config, &b), CLR_OK);
    config.seed = 6;
    ck_assert_int_eq(clr_linear_fit(comm, &train, &config, &other), CLR_OK);
    ck_assert_int_eq(memcmp(a.weight, b.weight, bytes), 0);
    ck_assert_int_ne(memcmp(a.weight, other.weight, bytes), 0);
    clr_linear_free(&a);
    clr_linear_free(&b);
    clr_linear_free(&other);
}
END_TEST

/* Of a rate that does nothing, one that learns and one that diverges, the second is taken, and trains on all rows. */
START_TEST(a_rate_is_chosen)
{
    clr_linear_config config = {3, 50, 0, 0.9, 1e-3, 7, .rates = {3, {1e9, 1.5, 1e-9}}}, one = config;
    clr_linear_result chosen, alone;

    one.rates = (clr_rates){1, {1.5}};
    ck_assert_int_eq(clr_linear_probe(comm, &train, &test, &config, &chosen), CLR_OK);
    ck_assert_int_eq(clr_linear_probe(comm, &train, &test, &one, &alone), CLR_OK);
    ck_assert_double_eq(chosen.lr, 1.5);
    ck_assert_double_eq(alone.lr, 1.5);
    ck_assert_double_eq(chosen.test.top1, alone.test.top1);
    ck_assert(chosen.validation > 0 && chosen.validation <= 100 && isnan(alone.validation));
}
END_TEST

START_TEST(bad_input_is_refused)
{
    clr_features none = train, narrow = test, empty = test;
    clr_linear_config config = {5, 64, 1e6, 0.9, 10, 5};
    clr_evaluation got;
    clr_linear_result fit;

    none.labels = NULL;
    narrow.dim--;
    empty.rows = 0;
    ck_assert_int_eq(clr_knn(comm, &none, &test, &(clr_knn_config){5, 0.1}, 1, &got), CLR_EINPUT);
    ck_assert(strstr(clr_message(), "no labels") != NULL);
    ck_assert_int_eq(clr_linear_probe(comm, &train, &narrow, &config, &fit), CLR_EINPUT);
    ck_assert(strstr(clr_message(), "19 and 18 features") != NULL);
    ck_assert_int_eq(clr_knn(comm, &train, &empty, &(clr_knn_config){5, 0.1}, 1, &got), CLR_EINPUT);
    ck_assert_int_eq(clr_knn(comm, &train, &test, &(clr_knn_config){0, 0.1}, 1, &got), CLR_EUSAGE);
    ck_assert_int_eq(clr_linear_probe(comm, &train, &test, &config, &fit), CLR_ENUMERIC);
    ck_assert(strstr(clr_message(), "diverged") != NULL);
    config.rates = (clr_rates){2, {1e6, 1e7}};
    ck_assert_int_eq(clr_linear_probe(comm, &train, &test, &config, &fit), CLR_ENUMERIC);
    ck_assert(strstr(clr_message(), "every learning rate") != NULL);
}
END_TEST

START_TEST(top5_is_for_more_than_five_classes)
{
    clr_features few[2] = {train, test};
    int32_t *labels[2];
    clr_evaluation got;

    for (int f = 0; f < 2; f++) {
        labels[f] = CLR_NEW(int32_t, few[f].rows);
        for (int64_t r = 0; r < few[f].rows; r++)
            labels[f][r] = few[f].labels[r] % 5;
        few[f].labels = labels[f];
        few[f].classes = 5;
    }
    ck_assert_int_eq(clr_knn(comm, &few[0], &few[1], &(clr_knn_config){5, 0.1}, 1, &got), CLR_OK);
    ck_assert(isnan(got.top5) && got.top1 > 20);
    clr_free(labels[0]);
    clr_free(labels[1]);
}
END_TEST

int main(int argc, char **argv)
{
    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK)
        return EXIT_FAILURE;
    TCase *tcase = tcase_create("eval");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, knn_is_the_reference);
    tcase_add_test(tcase, knn_breaks_ties_by_place);
    tcase_add_test(tcase, linear_fit_is_the_reference);
    tcase_add_test(tcase, the_first_step_is_the_central_difference);
    tcase_add_test(tcase, the_same_seed_gives_the_same_bits);
    tcase_add_test(tcase, a_rate_is_chosen);
    tcase_add_test(tcase, bad_input_is_refused);
    tcase_add_test(tcase, top5_is_for_more_than_five_classes);
    int status = clr_test_run("eval", tcase, CK_NOFORK);
    clr_comm_stop(comm);
    return status;
}
