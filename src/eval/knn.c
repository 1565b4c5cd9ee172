/* SPDX-License-Identifier: BSD-3-Clause */
/* Weighted kNN (Wu et al. 2018, section 3.4). With s_j the cosine of test row i and training row j, N the k rows of
   largest s (equal ones by their place): class c gets the sum over j in N with label c of exp(s_j / T). Test rows are
   shared among ranks, then threads, a block of them at a time against a block of training rows, so that similarities
   stay in cache. */
#include "evaluation.h"

#include "clr/gemm.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/tensor.h"
#include "clr/watchdog.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum {
    TESTED = 256,
    TRAINED = 512,
    ROUND = 4
}; /* rows of a block; blocks of a thread between which ranks wait for each other */

typedef struct neighbour {
    float similarity;
    int32_t row;
} neighbour;

static bool worse(neighbour a, neighbour b)
{
    return a.similarity < b.similarity || (a.similarity == b.similarity && a.row > b.row);
}

/* heap[0] is the worst of n kept. */
static void sink(neighbour *heap, int64_t n, neighbour new)
{
    int64_t at = 0;

    for (;;) {
        int64_t child = 2 * at + 1;
        if (child + 1 < n && worse(heap[child + 1], heap[child]))
            child++;
        if (child >= n || !worse(heap[child], new))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = new;
}

static void rise(neighbour *heap, int64_t at, neighbour new)
{
    while (at && worse(new, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = new;
}

/* 1 / |row|; 0 for a row of zeros, which is similar to nothing. */
static float *inverse_norms(const clr_features *f)
{
    float *inverse = CLR_NEW(float, f->rows);

#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < f->rows; r++) {
        double square = 0;
        for (int64_t i = 0; i < f->dim; i++)
            square += (double)f->h[r * f->dim + i] * f->h[r * f->dim + i];
        inverse[r] = square > 0 ? (float)(1 / sqrt(square)) : 0;
    }
    return inverse;
}

typedef struct problem {
    const clr_features *train, *test;
    const float *train_inverse, *test_inverse;
    int64_t k; /* the largest of the settings */
    const clr_knn_config *how;
    int settings;
} problem;

typedef struct scratch {
    float *dots, *votes; /* (TESTED, TRAINED), (classes) */
    neighbour *heaps;    /* (TESTED, k) */
} scratch;

/* Heaps of the k nearest of test rows at .. at + n. */
static void search(const problem *p, const scratch *s, int64_t at, int64_t n)
{
    int64_t dim = p->train->dim;

    for (int64_t first = 0; first < p->train->rows; first += TRAINED) {
        clr_alive();
        int64_t m = clr_min64(TRAINED, p->train->rows - first);
        clr_gemm(false, true, n, m, dim, 1, p->test->h + at * dim, dim, p->train->h + first * dim, dim, 0, s->dots,
                 TRAINED);
        for (int64_t i = 0; i < n; i++) {
            neighbour *heap = s->heaps + i * p->k;
            float *dots = s->dots + i * TRAINED;
            for (int64_t j = 0; j < m; j++)
                dots[j] *= p->test_inverse[at + i] * p->train_inverse[first + j];
            for (int64_t j = 0; j < m; j++) {
                neighbour new = {dots[j], (int32_t)(first + j)};
                if (first + j < p->k)
                    rise(heap, first + j, new);
                else if (dots[j] > heap[0].similarity) /* an equal one came earlier and stays */
                    sink(heap, p->k, new);
            }
        }
    }
}

/* Nearest first. */
static int by_similarity(const void *a, const void *b)
{
    const neighbour *x = a, *y = b;

    return worse(*y, *x) ? -1 : worse(*x, *y);
}

static int place_of(const problem *p, const scratch *s, const neighbour *nearest, const clr_knn_config *how, int label)
{
    int64_t k = clr_min64(how->k, p->k);

    memset(s->votes, 0, (size_t)p->train->classes * sizeof(float));
    for (int64_t i = 0; i < k; i++) /* exponents relative to the nearest, whose weight is 1: no overflow at small
                                       temperatures */
        s->votes[p->train->labels[nearest[i].row]] +=
            expf((float)((nearest[i].similarity - nearest[0].similarity) / how->temperature));
    return clr_rank_of(s->votes, p->train->classes, label);
}

/* Counts the n test rows from at on, whose neighbours are in the heaps. hits: (settings, 2). */
static void count(const problem *p, const scratch *s, int64_t at, int64_t n, int64_t *hits)
{
    for (int64_t i = 0; i < n; i++) {
        neighbour *nearest = s->heaps + i * p->k;
        qsort(nearest, (size_t)p->k, sizeof *nearest, by_similarity);
        for (int c = 0; c < p->settings; c++) {
            int place = place_of(p, s, nearest, &p->how[c], p->test->labels[at + i]);
            hits[2 * c] += place < 1;
            hits[2 * c + 1] += place < 5;
            if (c == 0 && p->test->predicted)
                p->test->predicted[at + i] = clr_best_of(s->votes, p->train->classes);
        }
    }
}

static clr_status check(const clr_features *train, const clr_features *test, const clr_knn_config *config, int n)
{
    clr_status st = clr_features_check(train, test);

    for (int c = 0; c < n && st == CLR_OK; c++)
        if (config[c].k < 1 || !(config[c].temperature > 0))
            st = clr_fail(CLR_EUSAGE, "kNN needs k of 1 at least and a temperature above 0, not %lld and %g",
                          (long long)config[c].k, config[c].temperature);
    if (st == CLR_OK && train->rows > INT32_MAX)
        st = clr_fail(CLR_EINPUT, "%lld training rows are more than kNN takes", (long long)train->rows);
    return st;
}

clr_status clr_knn(clr_comm *comm, const clr_features *train, const clr_features *test, const clr_knn_config *config,
                   int settings, clr_evaluation *result)
{
    clr_status st = check(train, test, config, settings);
    int64_t k = 1;

    if (st != CLR_OK)
        return st;
    for (int c = 0; c < settings; c++)
        k = clr_max64(k, config[c].k);
    clr_watch_phase("looking for nearest neighbours", 0);
    float *train_inverse = inverse_norms(train), *test_inverse = inverse_norms(test);
    const problem p = {train, test, train_inverse, test_inverse, clr_min64(k, train->rows), config, settings};
    int64_t from = clr_share(test->rows, clr_comm_size(comm), clr_comm_rank(comm));
    int64_t to = clr_share(test->rows, clr_comm_size(comm), clr_comm_rank(comm) + 1);
    int64_t most = (test->rows + clr_comm_size(comm) - 1) / clr_comm_size(comm);
    int64_t *hits = CLR_NEW(int64_t, 2 * settings);
    double threads = omp_get_max_threads();
    clr_comm_allreduce_max_double(comm, &threads, 1);
    clr_predictions_begin(test);
    int64_t rows = ROUND * TESTED * (int64_t)threads; /* of a round; the same on all ranks */
#pragma omp parallel
    {
        scratch s = {CLR_NEW(float, TESTED *TRAINED), CLR_NEW(float, train->classes), CLR_NEW(neighbour, TESTED * p.k)};
        int64_t *mine = CLR_NEW(int64_t, 2 * settings);
        for (int64_t round = 0; round < most; round += rows) {
            int64_t end = clr_min64(from + round + rows, to);
#pragma omp for schedule(dynamic)
            for (int64_t at = from + round; at < end; at += TESTED) {
                int64_t n = clr_min64(TESTED, end - at);
                search(&p, &s, at, n);
                count(&p, &s, at, n, mine);
            }
#pragma omp master
            clr_comm_barrier(comm); /* no rank is ahead by so much that it would take the others for hung */
#pragma omp barrier
        }
#pragma omp critical
        for (int c = 0; c < 2 * settings; c++)
            hits[c] += mine[c];
        clr_free(mine);
        clr_free(s.dots);
        clr_free(s.votes);
        clr_free(s.heaps);
    }
    clr_predictions_share(comm, test);
    for (int c = 0; c < settings; c++)
        result[c] = clr_evaluation_of(comm, hits + 2 * c, test->rows, train->classes);
    clr_free(hits);
    clr_free(train_inverse);
    clr_free(test_inverse);
    return CLR_OK;
}
