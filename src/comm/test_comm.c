/* SPDX-License-Identifier: BSD-3-Clause */
/* Collectives on four ranks, with different data on each; agreement on errors. */
#include "clr/comm.h"
#include "clr/mem.h"
#include "clr/test.h"

#include <stdlib.h>
#include <string.h>

static clr_comm *comm;

START_TEST(sums_and_maxima)
{
    int rank = clr_comm_rank(comm), size = clr_comm_size(comm);
    float f[3] = {(float)rank, 1, (float)(rank * rank)};
    double d[2] = {rank, -rank};
    int64_t i[1] = {INT64_C(1) << (40 + rank)}, bits = 0;

    clr_comm_allreduce_sum(comm, f, 3);
    ck_assert(f[0] == (float)(size * (size - 1) / 2) && f[1] == (float)size);
    clr_comm_allreduce_max_double(comm, d, 2);
    ck_assert(d[0] == size - 1 && d[1] == 0);
    clr_comm_allreduce_sum_double(comm, d, 2);
    ck_assert(d[0] == (double)size * (size - 1));
    clr_comm_allreduce_sum_int(comm, i, 1);
    for (int r = 0; r < size; r++)
        bits |= INT64_C(1) << (40 + r);
    ck_assert(i[0] == bits);
}
END_TEST

START_TEST(gathers_uneven_parts)
{
    int rank = clr_comm_rank(comm), size = clr_comm_size(comm);
    int64_t *counts = CLR_NEW(int64_t, size), total = 0, at = 0;
    float mine[16];

    for (int r = 0; r < size; r++)
        total += counts[r] = r == 1 ? 0 : 3 * r + 1;
    for (int k = 0; k < 16; k++)
        mine[k] = (float)(100 * rank + k);
    float *all = CLR_NEW(float, total);
    clr_comm_allgatherv(comm, mine, all, counts);
    for (int r = 0; r < size; r++)
        for (int64_t k = 0; k < counts[r]; k++)
            ck_assert(all[at++] == (float)(100 * r + k));
    clr_free(all);
    clr_free(counts);
}
END_TEST

START_TEST(every_rank_learns_the_worst)
{
    int rank = clr_comm_rank(comm), size = clr_comm_size(comm);

    ck_assert_int_eq(clr_comm_agree(comm, CLR_OK), CLR_OK);
    clr_status st = rank == size - 1 ? clr_fail(CLR_EIO, "%s: no space", "x.h5") : CLR_OK;
    ck_assert(rank < size - 1 || size == 1 || !clr_comm_agreed(comm, st));
    ck_assert_int_eq(clr_comm_agree(comm, st), CLR_EIO);
    ck_assert(strstr(clr_message(), "x.h5: no space") != NULL);
    ck_assert(size == 1 || strstr(clr_message(), "rank 3") != NULL);
    ck_assert(clr_comm_agreed(comm, CLR_EIO));
}
END_TEST

START_TEST(broadcasts_from_any_rank)
{
    for (int root = 0; root < clr_comm_size(comm); root++) {
        char text[32] = "";
        if (clr_comm_rank(comm) == root)
            strcpy(text, "said by the root");
        clr_comm_broadcast(comm, text, sizeof text, root);
        ck_assert_str_eq(text, "said by the root");
    }
}
END_TEST

int main(int argc, char **argv)
{
    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK)
        return EXIT_FAILURE;
    TCase *tcase = tcase_create("comm");
    tcase_add_test(tcase, sums_and_maxima);
    tcase_add_test(tcase, gathers_uneven_parts);
    tcase_add_test(tcase, every_rank_learns_the_worst);
    tcase_add_test(tcase, broadcasts_from_any_rank);
    int status = clr_test_run("comm", tcase, CK_NOFORK);
    clr_comm_stop(comm);
    return status;
}
