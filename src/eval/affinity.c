/* SPDX-License-Identifier: BSD-3-Clause */
/* p_j|i = exp(-b_i d_ij^2) / sum over the neighbours of i, with b_i such that the perplexity exp(entropy) is the one
   wanted; p_ij = (p_j|i + p_i|j) / 2n. */
#include "tsne.h"

#include "clr/gemm.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { BLOCK = 32, STEPS = 100 };

typedef struct near {
    float distance;
    int32_t j;
} near;

/* Puts a pair into the heap of the k nearest, whose root is the farthest. */
static void offer(near *heap, int64_t k, int64_t *have, near pair)
{
    int64_t at = 0;

    if (*have < k) {
        for (at = (*have)++; at > 0 && heap[(at - 1) / 2].distance < pair.distance; at = (at - 1) / 2)
            heap[at] = heap[(at - 1) / 2];
    } else if (pair.distance >= heap[0].distance) {
        return;
    } else {
        for (int64_t child; (child = 2 * at + 1) < k; at = child) {
            child += child + 1 < k && heap[child + 1].distance > heap[child].distance;
            if (heap[child].distance <= pair.distance)
                break;
            heap[at] = heap[child];
        }
    }
    heap[at] = pair;
}

static int by_place(const void *a, const void *b)
{
    int32_t x = ((const clr_tsne_pair *)a)->j, y = ((const clr_tsne_pair *)b)->j;
    return (x > y) - (x < y);
}

/* The conditional probabilities of one row's neighbours, by bisection of b. */
static void weigh(const near *neighbour, int64_t k, double perplexity, clr_tsne_pair *entry)
{
    double low = 0, high = INFINITY, b = 1, least = INFINITY, sum, entropy;

    for (int64_t i = 0; i < k; i++)
        least = fmin(least, neighbour[i].distance);
    for (int step = 0; step < STEPS; step++) {
        double weighted = 0;
        sum = 0;
        for (int64_t i = 0; i < k; i++) {
            double d = neighbour[i].distance - least, w = exp(-b * d);
            sum += w;
            weighted += w * d;
        }
        entropy = log(fmax(sum, DBL_MIN)) + b * weighted / sum;
        if (fabs(entropy - log(perplexity)) < 1e-7)
            break;
        if (entropy > log(perplexity))
            low = b;
        else
            high = b;
        b = isinf(high) ? 2 * b : (low + high) / 2;
    }
    for (int64_t i = 0; i < k; i++)
        entry[i] = (clr_tsne_pair){neighbour[i].j, (float)(exp(-b * (neighbour[i].distance - least)) / sum)};
    qsort(entry, (size_t)k, sizeof *entry, by_place);
}

/* The neighbours of rows [from, from + n), weighed. */
static void block(const float *x, const double *square, int64_t rows, int dim, int64_t from, int64_t n, int64_t k,
                  double perplexity, clr_tsne_pair *entry)
{
    float *dots = CLR_NEW(float, n *rows);
    near *heap = CLR_NEW(near, k);

    clr_gemm(false, true, n, rows, dim, 1, x + from * dim, dim, x, dim, 0, dots, rows);
    for (int64_t r = 0; r < n; r++) {
        int64_t have = 0;
        for (int64_t j = 0; j < rows; j++) {
            double d = square[from + r] + square[j] - 2.0 * dots[r * rows + j];
            if (j != from + r)
                offer(heap, k, &have, (near){(float)(d > 0 ? d : 0), (int32_t)j});
        }
        weigh(heap, k, perplexity, entry + (from + r) * k);
    }
    clr_free(dots);
    clr_free(heap);
}

/* Adds the transpose: rows of p_j|i, k each, to the symmetric pairs. */
static void symmetrise(const clr_tsne_pair *one, int64_t rows, int64_t k, clr_tsne_pairs *pairs)
{
    int64_t *count = CLR_NEW(int64_t, rows + 1), *begin = CLR_NEW(int64_t, rows + 1), n = 0;
    clr_tsne_pair *both = CLR_NEW(clr_tsne_pair, 2 * rows * k);

    for (int64_t i = 0; i < rows * k; i++)
        count[one[i].j]++;
    for (int64_t i = 0; i < rows; i++) {
        begin[i + 1] = begin[i] + k + count[i];
        for (int64_t l = 0; l < k; l++)
            both[begin[i] + l] = one[i * k + l];
        count[i] = k;
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t l = 0; l < k; l++) {
            const clr_tsne_pair *e = &one[i * k + l];
            both[begin[e->j] + count[e->j]++] = (clr_tsne_pair){(int32_t)i, e->p};
        }
    *pairs = (clr_tsne_pairs){rows, CLR_NEW(int64_t, rows + 1), both};
    for (int64_t i = 0; i < rows; i++) { /* sorted, and two of one place added up */
        qsort(both + begin[i], (size_t)(begin[i + 1] - begin[i]), sizeof *both, by_place);
        int64_t first = n;
        for (int64_t l = begin[i]; l < begin[i + 1]; l++) {
            clr_tsne_pair e = {both[l].j, both[l].p / (2 * (float)rows)};
            if (n > first && both[n - 1].j == e.j)
                both[n - 1].p += e.p;
            else
                both[n++] = e;
        }
        pairs->begin[i + 1] = n;
    }
    clr_free(count);
    clr_free(begin);
}

void clr_tsne_pairs_of(const float *x, int64_t rows, int dim, double perplexity, clr_tsne_pairs *pairs)
{
    perplexity = fmin(perplexity, (double)(rows - 1) / 3);
    int64_t k = clr_max64(1, clr_min64(rows - 1, (int64_t)(3 * perplexity)));
    clr_tsne_pair *one = CLR_NEW(clr_tsne_pair, rows * k);
    double *square = CLR_NEW(double, rows);

    clr_gemm_start();
    for (int64_t i = 0; i < rows; i++)
        for (int l = 0; l < dim; l++)
            square[i] += (double)x[i * dim + l] * x[i * dim + l];
#pragma omp parallel for schedule(dynamic)
    for (int64_t from = 0; from < rows; from += BLOCK)
        block(x, square, rows, dim, from, clr_min64(BLOCK, rows - from), k, perplexity, one);
    symmetrise(one, rows, k, pairs);
    clr_free(one);
    clr_free(square);
}

void clr_tsne_pairs_free(clr_tsne_pairs *pairs)
{
    clr_free(pairs->begin);
    clr_free(pairs->entry);
    *pairs = (clr_tsne_pairs){0};
}
