/* SPDX-License-Identifier: BSD-3-Clause */
/* Buckets from the end of the block to its start, each an MPI_Iallreduce in place of its own. */
#include "clr/allreduce.h"

#include "clr/mem.h"
#include "clr/tensor.h"
#include "world.h"

enum { LARGEST = 1 << 27 }; /* floats: 512 MiB */

struct clr_allreduce {
    clr_comm *comm;
    MPI_Comm world;
    float *block;
    int64_t *edge;        /* buckets + 1 offsets, ascending */
    MPI_Request *request; /* of each bucket */
    int buckets, started; /* the last `started` buckets are in flight or done */
    double seconds;
};

clr_allreduce *clr_allreduce_new(clr_comm *comm, float *block, int64_t floats, int64_t bucket)
{
    clr_allreduce *reduce = CLR_NEW(clr_allreduce, 1);

    bucket = clr_max64(1, clr_min64(bucket, LARGEST));
    *reduce = (clr_allreduce){
        .comm = comm, .world = clr_comm_world(comm), .block = block, .buckets = (int)((floats + bucket - 1) / bucket)};
    reduce->edge = CLR_NEW(int64_t, reduce->buckets + 1);
    reduce->request = CLR_NEW(MPI_Request, reduce->buckets + 1);
    for (int i = 0; i <= reduce->buckets;
         i++) /* bucket 0 is the smallest, because it starts last and nothing hides it */
        reduce->edge[i] = clr_max64(0, floats - (int64_t)(reduce->buckets - i) * bucket);
    for (int i = 0; i < reduce->buckets; i++)
        reduce->request[i] = MPI_REQUEST_NULL;
    return reduce;
}

void clr_allreduce_free(clr_allreduce *reduce)
{
    if (!reduce)
        return;
    clr_free(reduce->edge);
    clr_free(reduce->request);
    clr_free(reduce);
}

void clr_allreduce_begin(clr_allreduce *reduce)
{
    reduce->started = 0;
    reduce->seconds = 0;
}

static void test(clr_allreduce *reduce)
{
    int done;

    if (reduce->started)
        MPI_Testall(reduce->started, reduce->request + reduce->buckets - reduce->started, &done, MPI_STATUSES_IGNORE);
}

void clr_allreduce_ready(clr_allreduce *reduce, int64_t from)
{
    double begin = clr_seconds();

    if (clr_comm_size(reduce->comm) == 1)
        return;
    while (reduce->started < reduce->buckets) {
        int next = reduce->buckets - 1 - reduce->started;
        if (reduce->edge[next] < from)
            break;
        MPI_Iallreduce(MPI_IN_PLACE, reduce->block + reduce->edge[next],
                       (int)(reduce->edge[next + 1] - reduce->edge[next]), MPI_FLOAT, MPI_SUM, reduce->world,
                       &reduce->request[next]);
        reduce->started++;
    }
    test(reduce);
    reduce->seconds += clr_seconds() - begin;
}

void clr_allreduce_progress(clr_allreduce *reduce)
{
    double begin = clr_seconds();

    test(reduce);
    reduce->seconds += clr_seconds() - begin;
}

double clr_allreduce_end(clr_allreduce *reduce)
{
    double begin = clr_seconds(), before = reduce->seconds;

    clr_allreduce_ready(reduce, 0);
    if (reduce->started)
        MPI_Waitall(reduce->started, reduce->request + reduce->buckets - reduce->started, MPI_STATUSES_IGNORE);
    double exposed = clr_seconds() - begin;
    reduce->seconds = before + exposed;
    return exposed;
}

double clr_allreduce_seconds(const clr_allreduce *reduce)
{
    return reduce->seconds;
}
