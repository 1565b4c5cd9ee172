/* SPDX-License-Identifier: BSD-3-Clause */
/* The bucketed sum equals the plain one, for every bucket size and order of readiness; different data on every rank. */
#include "clr/mem.h"
#include "clr/allreduce.h"
#include "clr/rng.h"
#include "clr/test.h"

#include <math.h>
#include <stdlib.h>

static clr_comm *comm;
enum { FLOATS = 1000 };

static float value(int rank, int i, int round)
{
    return (float)((rank + 1) * 3 + i % 17 + round); /* sums of whole numbers are exact */
}

START_TEST(buckets_sum_like_one)
{
    static const int64_t buckets[] = {1, 7, 100, 999, 1000, 5000};
    float *block = CLR_NEW(float, FLOATS + 1);
    const clr_allreduce_plan plan = {.floats = FLOATS, .bucket = buckets[_i]};
    clr_allreduce *reduce = clr_allreduce_new(comm, block, &plan);

    for (int round = 0; round < 3; round++) {
        int64_t from = FLOATS;
        for (int i = 0; i <= FLOATS; i++)
            block[i] = -1;
        clr_allreduce_begin(reduce);
        clr_rng rng = clr_rng_for(3, 0, (uint64_t)round, 0, 0); /* the same steps on every rank */
        while (from > 0) {
            int64_t next = from - 1 - clr_rng_below(&rng, 200);
            next = next < 0 ? 0 : next;
            for (int64_t i = next; i < from; i++)
                block[i] = value(clr_comm_rank(comm), (int)i, round);
            clr_allreduce_ready(reduce, from = next);
            clr_allreduce_progress(reduce);
        }
        ck_assert(clr_allreduce_end(reduce) >= 0);
        for (int i = 0; i < FLOATS; i++) {
            float sum = 0;
            for (int r = 0; r < clr_comm_size(comm); r++)
                sum += value(r, i, round);
            ck_assert(block[i] == sum);
        }
        ck_assert(block[FLOATS] == -1);
    }
    clr_allreduce_free(reduce);
    clr_free(block);
}
END_TEST

/* Numbers of any size: every addend is rounded by 2^-8 of itself at most, and the sum too; additions are fp32. The last
   EXACT floats are whole numbers, which bf16 does not hold. All ranks have the same bits. */
START_TEST(bf16_rounds_addends_and_sums)
{
    enum { EXACT = 5 };
    static const int64_t buckets[] = {1, 7, 100, 994, 995, 5000};
    const clr_allreduce_plan plan = {.floats = FLOATS, .bucket = buckets[_i], .exact = EXACT, .wire = CLR_BF16};
    float *block = CLR_NEW(float, FLOATS), *first = CLR_NEW(float, FLOATS);
    clr_allreduce *reduce = clr_allreduce_new(comm, block, &plan);
    int ranks = clr_comm_size(comm);

    for (int round = 0; round < 3; round++) {
        clr_allreduce_begin(reduce);
        for (int64_t from = FLOATS; from > 0; clr_allreduce_ready(reduce, from)) {
            int64_t next = clr_max64(0, from - 150);
            for (int64_t i = next; i < from; i++) {
                clr_rng rng = clr_rng_for(4, (uint64_t)round, (uint64_t)i, (uint32_t)clr_comm_rank(comm), 0);
                block[i] = i < FLOATS - EXACT ? (float)clr_rng_normal(&rng) : value(clr_comm_rank(comm), 1001, round);
            }
            from = next;
        }
        ck_assert(clr_allreduce_end(reduce) >= 0);
        for (int64_t i = 0; i < FLOATS; i++) {
            double sum = 0, size = 0;
            for (int r = 0; r < ranks; r++) {
                clr_rng rng = clr_rng_for(4, (uint64_t)round, (uint64_t)i, (uint32_t)r, 0);
                double x = i < FLOATS - EXACT ? (float)clr_rng_normal(&rng) : value(r, 1001, round);
                sum += x, size += fabs(x);
            }
            double rounding = i < FLOATS - EXACT ? 0x1p-8 * (size + fabs(sum)) * (1 + 0x1p-8) : 0;
            if (!(fabs(block[i] - sum) <= rounding))
                ck_abort_msg("%g instead of %g at %lld", block[i], sum, (long long)i);
            first[i] = clr_comm_rank(comm) == 0 ? block[i] : 0;
        }
        clr_comm_allreduce_sum(comm, first, FLOATS);
        ck_assert_mem_eq(first, block, FLOATS * sizeof *block);
    }
    clr_allreduce_free(reduce);
    clr_free(block);
    clr_free(first);
}
END_TEST

int main(int argc, char **argv)
{
    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK)
        return EXIT_FAILURE;
    TCase *tcase = tcase_create("reduce");
    tcase_add_loop_test(tcase, buckets_sum_like_one, 0, 6);
    tcase_add_loop_test(tcase, bf16_rounds_addends_and_sums, 0, 6);
    int status = clr_test_run("reduce", tcase, CK_NOFORK);
    clr_comm_stop(comm);
    return status;
}
