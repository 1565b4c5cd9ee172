/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI: agreement on errors, and blocking collectives. A communicator of one process calls MPI in none of them. */
#include "world.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST = 1 << 27, MESSAGE = 1024 }; /* elements in one message: 512 MiB of floats, 1 GiB of doubles less one */

clr_status clr_comm_agree(clr_comm *comm, clr_status st)
{
    struct {
        int status, rank;
    } mine = {(int)st, comm->rank}, worst;
    char text[MESSAGE] = "";

    if (comm->size == 1)
        return comm->agreed = st;
    MPI_Allreduce(&mine, &worst, 1, MPI_2INT, MPI_MAXLOC, comm->world);
    comm->agreed = (clr_status)worst.status;
    if (comm->agreed == CLR_OK)
        return CLR_OK;
    if (comm->rank == worst.rank) {
        if (worst.rank > 0)
            snprintf(text, sizeof text, "rank %d (%s): %.900s", comm->rank, comm->host, clr_message());
        else
            snprintf(text, sizeof text, "%s", clr_message());
    }
    MPI_Bcast(text, MESSAGE, MPI_CHAR, worst.rank, comm->world);
    return clr_fail(comm->agreed, "%s", text);
}

bool clr_comm_agreed(const clr_comm *comm, clr_status st)
{
    return comm->size == 1 || comm->agreed == st;
}

void clr_comm_barrier(clr_comm *comm)
{
    if (comm->size > 1)
        MPI_Barrier(comm->world);
}

void clr_comm_broadcast(clr_comm *comm, void *data, int64_t bytes, int root)
{
    char *at = data;

    for (; bytes > 0 && comm->size > 1; bytes -= MOST, at += MOST)
        MPI_Bcast(at, (int)(bytes < MOST ? bytes : MOST), MPI_BYTE, root, comm->world);
}

static void reduce(clr_comm *comm, void *data, int64_t count, MPI_Datatype type, int width, MPI_Op op)
{
    char *at = data;

    if (comm->size == 1)
        return;
    for (; count > 0; count -= MOST / 2, at += (int64_t)(MOST / 2) * width)
        MPI_Allreduce(MPI_IN_PLACE, at, (int)(count < MOST / 2 ? count : MOST / 2), type, op, comm->world);
}

void clr_comm_allreduce_sum(clr_comm *comm, float *data, int64_t count)
{
    reduce(comm, data, count, MPI_FLOAT, sizeof *data, MPI_SUM);
}

void clr_comm_allreduce_sum_double(clr_comm *comm, double *data, int64_t count)
{
    reduce(comm, data, count, MPI_DOUBLE, sizeof *data, MPI_SUM);
}

void clr_comm_allreduce_max_double(clr_comm *comm, double *data, int64_t count)
{
    reduce(comm, data, count, MPI_DOUBLE, sizeof *data, MPI_MAX);
}

void clr_comm_allreduce_sum_int(clr_comm *comm, int64_t *data, int64_t count)
{
    reduce(comm, data, count, MPI_INT64_T, sizeof *data, MPI_SUM);
}

/* One Allgatherv where everything fits in 1 GiB, else a broadcast from each rank, cut into pieces. */
void clr_comm_allgatherv(clr_comm *comm, const float *mine, float *all, const int64_t *counts)
{
    int64_t total = 0, before = 0;

    if (comm->size == 1) {
        memcpy(all, mine, (size_t)counts[0] * sizeof *mine);
        return;
    }
    for (int r = 0; r < comm->size; r++) {
        before += r < comm->rank ? counts[r] : 0;
        total += counts[r];
    }
    if (total > MOST) {
        memcpy(all + before, mine, (size_t)counts[comm->rank] * sizeof *mine);
        for (int r = 0; r < comm->size; all += counts[r], r++)
            clr_comm_broadcast(comm, all, counts[r] * (int64_t)sizeof *all, r);
        return;
    }
    for (int r = 0, at = 0; r < comm->size; at += comm->length[r], r++) {
        comm->length[r] = (int)counts[r];
        comm->place[r] = at;
    }
    MPI_Allgatherv(mine, comm->length[comm->rank], MPI_FLOAT, all, comm->length, comm->place, MPI_FLOAT, comm->world);
}

double clr_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
