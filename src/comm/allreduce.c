/* SPDX-License-Identifier: BSD-3-Clause */
/* Buckets from the end of the block to its start, each an MPI_Iallreduce in place of its own, or a sum of bf16
   (wire.h), before which the exact floats behind them have an MPI_Iallreduce. */
#include "clr/allreduce.h"

#include "clr/mem.h"
#include "clr/tensor.h"
#include "wire.h"

enum { LARGEST = 1 << 27 }; /* floats: 512 MiB */

struct clr_allreduce {
    clr_comm *comm;
    MPI_Comm world;
    float *block;
    int64_t exact;        /* floats behind the last bucket */
    MPI_Request tail;     /* of those */
    bool tailed;          /* they are in flight or done */
    clr_wire *wire;       /* NULL: fp32 */
    int64_t *edge;        /* buckets + 1 offsets, ascending */
    MPI_Request *request; /* of each bucket */
    int buckets, started; /* the last `started` buckets are in flight or done */
    double seconds;
};

const clr_opt clr_wire_option[] = {{"wire", CLR_OPT_WORD, 0, "fp32", CLR_DTYPE_WORDS, 0, 0, NULL, CLR_OPT_IDENTITY,
                                    "type in which gradients are sent between ranks; bf16: half the bytes, rounded"},
                                   {0}};

int64_t clr_allreduce_bytes(const clr_comm *comm, int64_t floats, clr_dtype wire)
{
    return wire == CLR_BF16 && clr_comm_size(comm) > 1 ? 2 * floats * (int64_t)sizeof(uint16_t) : 0;
}

clr_allreduce *clr_allreduce_new(clr_comm *comm, float *block, const clr_allreduce_plan *plan)
{
    clr_allreduce *reduce = CLR_NEW(clr_allreduce, 1);
    bool rounds = plan->wire == CLR_BF16 && clr_comm_size(comm) > 1;
    int64_t bucket = clr_max64(1, clr_min64(plan->bucket, LARGEST)), floats = plan->floats - (rounds ? plan->exact : 0);

    *reduce = (clr_allreduce){
        .comm = comm, .world = clr_comm_world(comm), .block = block, .buckets = (int)((floats + bucket - 1) / bucket)};
    reduce->edge = CLR_NEW(int64_t, reduce->buckets + 1);
    reduce->request = CLR_NEW(MPI_Request, reduce->buckets + 1);
    for (int i = 0; i <= reduce->buckets;
         i++) /* bucket 0 is the smallest, because it starts last and nothing hides it */
        reduce->edge[i] = clr_max64(0, floats - (int64_t)(reduce->buckets - i) * bucket);
    for (int i = 0; i < reduce->buckets; i++)
        reduce->request[i] = MPI_REQUEST_NULL;
    reduce->exact = plan->floats - floats;
    reduce->tail = MPI_REQUEST_NULL;
    if (rounds)
        reduce->wire = clr_wire_new(comm, block, reduce->edge, reduce->buckets);
    return reduce;
}

void clr_allreduce_free(clr_allreduce *reduce)
{
    if (!reduce)
        return;
    clr_wire_free(reduce->wire);
    clr_free(reduce->edge);
    clr_free(reduce->request);
    clr_free(reduce);
}

void clr_allreduce_begin(clr_allreduce *reduce)
{
    reduce->started = 0;
    reduce->tailed = false;
    reduce->seconds = 0;
}

static void test(clr_allreduce *reduce)
{
    int done;

    if (reduce->wire)
        clr_wire_progress(reduce->wire);
    else if (reduce->started)
        MPI_Testall(reduce->started, reduce->request + reduce->buckets - reduce->started, &done, MPI_STATUSES_IGNORE);
}

void clr_allreduce_ready(clr_allreduce *reduce, int64_t from)
{
    double begin = clr_seconds();

    if (clr_comm_size(reduce->comm) == 1)
        return;
    int64_t end = reduce->edge[reduce->buckets];
    if (reduce->exact && !reduce->tailed && from <= end) {
        MPI_Iallreduce(MPI_IN_PLACE, reduce->block + end, (int)reduce->exact, MPI_FLOAT, MPI_SUM, reduce->world,
                       &reduce->tail);
        reduce->tailed = true;
    }
    while (reduce->started < reduce->buckets) {
        int next = reduce->buckets - 1 - reduce->started;
        if (reduce->edge[next] < from)
            break;
        if (reduce->wire)
            clr_wire_start(reduce->wire, next);
        else
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
    if (reduce->wire) {
        clr_wire_end(reduce->wire);
        MPI_Wait(&reduce->tail, MPI_STATUS_IGNORE);
    } else if (reduce->started)
        MPI_Waitall(reduce->started, reduce->request + reduce->buckets - reduce->started, MPI_STATUSES_IGNORE);
    double exposed = clr_seconds() - begin;
    reduce->seconds = before + exposed;
    return exposed;
}

double clr_allreduce_seconds(const clr_allreduce *reduce)
{
    return reduce->seconds;
}
