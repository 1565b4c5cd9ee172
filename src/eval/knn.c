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
    int64_t k;
    double temperature;
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

static int place_of(const problem *p, const scratch *s, const neighbour *heap, int label)
{
    float nearest = heap[0].similarity;

    memset(s->votes, 0, (size_t)p->train->classes * sizeof(float));
    for (int64_t i = 1; i < p->k; i++)
        nearest = fmaxf(nearest, heap[i].similarity);
    for (int64_t i = 0; i < p->k;
         i++) /* exponents relative to the nearest, whose weight is 1: no overflow at small temperatures */
        s->votes[p->train->labels[heap[i].row]] += expf((float)((heap[i].similarity - nearest) / p->temperature));
    return clr_rank_of(s->votes, p->train->classes, label);
}

clr_status clr_knn(clr_comm *comm, const clr_features *train, const clr_features *test, const clr_knn_config *config,
                   clr_evaluation *result)
{
    clr_status st = clr_features_check(train, test);

    if (st != CLR_OK)
        return st;
    if (config->k < 1 || !(config->temperature > 0))
        return clr_fail(CLR_EUSAGE, "kNN needs k of 1 at least and a temperature above 0, not %lld and %g",
                        (long long)config->k, config->temperature);
    if (train->rows > INT32_MAX)
        return clr_fail(CLR_EINPUT, "%lld training rows are more than kNN takes", (long long)train->rows);

    clr_watch_phase("looking for nearest neighbours", 0);
    float *train_inverse = inverse_norms(train), *test_inverse = inverse_norms(test);
    problem p = {train, test, train_inverse, test_inverse, clr_min64(config->k, train->rows), config->temperature};
    int64_t from = clr_share(test->rows, clr_comm_size(comm), clr_comm_rank(comm));
    int64_t to = clr_share(test->rows, clr_comm_size(comm), clr_comm_rank(comm) + 1), first = 0, second = 0;
    int64_t most = (test->rows + clr_comm_size(comm) - 1) / clr_comm_size(comm);
    double threads = omp_get_max_threads();
    clr_comm_allreduce_max_double(comm, &threads, 1);
    int64_t rows = ROUND * TESTED * (int64_t)threads; /* of a round; the same on all ranks */
#pragma omp parallel reduction(+ : first, second)
    {
        scratch s = {CLR_NEW(float, TESTED *TRAINED), CLR_NEW(float, train->classes), CLR_NEW(neighbour, TESTED * p.k)};
        for (int64_t round = 0; round < most; round += rows) {
            int64_t end = clr_min64(from + round + rows, to);
#pragma omp for schedule(dynamic)
            for (int64_t at = from + round; at < end; at += TESTED) {
                int64_t n = clr_min64(TESTED, end - at);
                search(&p, &s, at, n);
                for (int64_t i = 0; i < n; i++) {
                    int place = place_of(&p, &s, s.heaps + i * p.k, test->labels[at + i]);
                    first += place < 1;
                    second += place < 5;
                }
            }
#pragma omp master
            clr_comm_barrier(comm); /* no rank is ahead by so much that it would take the others for hung */
#pragma omp barrier
        }
        clr_free(s.dots);
        clr_free(s.votes);
        clr_free(s.heaps);
    }
    clr_free(train_inverse);
    clr_free(test_inverse);
    *result = clr_evaluation_of(comm, (int64_t[2]){first, second}, test->rows, train->classes);
    return CLR_OK;
}
