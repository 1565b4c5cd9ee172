/* SPDX-License-Identifier: BSD-3-Clause */
/* A bucket goes through an Ialltoallv of bf16 pieces, the addition, and an Iallgatherv of the sums. MPI wants the
   collectives of a communicator in one order on all ranks, and when an exchange ends differs from rank to rank: so
   exchanges and gathers have a communicator each, and gathers start in the order of the exchanges. */
#include "wire.h"

#include "clr/mem.h"
#include "clr/tensor.h"

struct clr_wire {
    MPI_Comm exchange, gather;
    int rank, size, buckets;
    float *block;
    const int64_t *edge;
    uint16_t *out, *in; /* of each bucket at its place in the block: what is sent, later the sums; received */
    int *count, *place, *mine, *at; /* (buckets, size): each rank's piece, and where; this rank's, from each */
    MPI_Request *request;           /* of each bucket */
    int started, gathering, done;   /* the last so many buckets have got there; exchanges, gathers, ends */
};

clr_wire *clr_wire_new(const clr_comm *comm, float *block, const int64_t *edge, int buckets)
{
    clr_wire *wire = CLR_NEW(clr_wire, 1);
    int size = comm->size;
    int64_t floats = edge[buckets] - edge[0], room = 0;

    *wire = (clr_wire){.rank = comm->rank, .size = size, .buckets = buckets, .block = block, .edge = edge};
    MPI_Comm_dup(comm->world, &wire->exchange);
    MPI_Comm_dup(comm->world, &wire->gather);
    int **each[] = {&wire->count, &wire->place, &wire->mine, &wire->at};
    for (size_t i = 0; i < CLR_COUNT(each); i++)
        *each[i] = CLR_NEW(int, (int64_t)buckets *size + 1);
    wire->request = CLR_NEW(MPI_Request, buckets + 1);
    for (int b = 0; b < buckets; b++) {
        int64_t length = edge[b + 1] - edge[b],
                own = clr_share(length, size, wire->rank + 1) - clr_share(length, size, wire->rank);
        for (int r = 0; r < size; r++) {
            int i = b * size + r;
            wire->place[i] = (int)clr_share(length, size, r);
            wire->count[i] = (int)(clr_share(length, size, r + 1) - clr_share(length, size, r));
            wire->mine[i] = (int)own;
            wire->at[i] = (int)(own * r);
        }
        room = clr_max64(room, own * size - length);
    }
    wire->out = CLR_NEW(uint16_t, floats + 1);
    wire->in = CLR_NEW(uint16_t, floats + buckets * room + 1);
    return wire;
}

void clr_wire_free(clr_wire *wire)
{
    if (!wire)
        return;
    MPI_Comm_free(&wire->exchange);
    MPI_Comm_free(&wire->gather);
    void *all[] = {wire->count, wire->place, wire->mine, wire->at, wire->request, wire->out, wire->in};
    for (size_t i = 0; i < CLR_COUNT(all); i++)
        clr_free(all[i]);
    clr_free(wire);
}

/* Where a bucket's pieces are received: ranks' pieces differ by one, so that they may take a little more than it. */
static uint16_t *received(const clr_wire *wire, int bucket)
{
    int64_t at = 0;

    for (int b = 0; b < bucket; b++)
        at += (int64_t)wire->mine[b * wire->size] * wire->size;
    return wire->in + at;
}

void clr_wire_start(clr_wire *wire, int bucket)
{
    const float *from = wire->block + wire->edge[bucket];
    uint16_t *to = wire->out + (wire->edge[bucket] - wire->edge[0]);
    int64_t length = wire->edge[bucket + 1] - wire->edge[bucket];
    int i = bucket * wire->size;

    for (int64_t j = 0; j < length; j++)
        to[j] = clr_bf16_of(from[j]);
    MPI_Ialltoallv(to, wire->count + i, wire->place + i, MPI_UINT16_T, received(wire, bucket), wire->mine + i,
                   wire->at + i, MPI_UINT16_T, wire->exchange, &wire->request[bucket]);
    wire->started++;
}

/* The exchange is over: adds this rank's piece, and starts to gather the sums. */
static void add(clr_wire *wire, int bucket)
{
    enum { CHUNK = 1024 };
    int i = bucket * wire->size, own = wire->mine[i];
    uint16_t *out = wire->out + (wire->edge[bucket] - wire->edge[0]), *to = out + wire->place[i + wire->rank];
    const uint16_t *in = received(wire, bucket);

    for (int first = 0; first < own; first += CHUNK) {
        int n = own - first < CHUNK ? own - first : CHUNK;
        float sum[CHUNK] = {0};
        for (int r = 0; r < wire->size; r++)
            for (int j = 0; j < n; j++)
                sum[j] += clr_bf16_value(in[(int64_t)r * own + first + j]);
        for (int j = 0; j < n; j++)
            to[first + j] = clr_bf16_of(sum[j]);
    }
    MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, out, wire->count + i, wire->place + i, MPI_UINT16_T,
                    wire->gather, &wire->request[bucket]);
    wire->gathering++;
}

static void take(clr_wire *wire, int bucket)
{
    const uint16_t *from = wire->out + (wire->edge[bucket] - wire->edge[0]);
    float *to = wire->block + wire->edge[bucket];

    for (int64_t j = 0; j < wire->edge[bucket + 1] - wire->edge[bucket]; j++)
        to[j] = clr_bf16_value(from[j]);
    wire->done++;
}

/* One step further, if it is there or is waited for. */
static bool advance(clr_wire *wire, int *stage, void step(clr_wire *, int), bool wait)
{
    int bucket = wire->buckets - 1 - *stage, over = 0;

    if (wait) {
        MPI_Wait(&wire->request[bucket], MPI_STATUS_IGNORE);
        over = 1;
    } else
        MPI_Test(&wire->request[bucket], &over, MPI_STATUS_IGNORE);
    if (over)
        step(wire, bucket);
    return over;
}

static void work(clr_wire *wire, bool wait)
{
    while (wire->gathering < wire->started && advance(wire, &wire->gathering, add, wait))
        continue;
    while (wire->done < wire->gathering && advance(wire, &wire->done, take, wait))
        continue;
}

void clr_wire_progress(clr_wire *wire)
{
    work(wire, false);
}

void clr_wire_end(clr_wire *wire)
{
    work(wire, true);
    wire->started = wire->gathering = wire->done = 0;
}
