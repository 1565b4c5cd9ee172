/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI: start and stop, agreement on errors, blocking collectives. A communicator of one process needs no MPI in any
   of them: where no launcher started this process, MPI is not started either (world is MPI_COMM_NULL then). */
#include "clr/comm.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "world.h"

#include <limits.h>
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 27, MESSAGE = 1024 }; /* elements in one message: 512 MiB of floats, 1 GiB of doubles less one */

struct clr_comm {
    MPI_Comm world, node;
    int rank, size, node_rank, node_size, nodes;
    clr_status agreed;
    int *length, *place; /* of each rank's part in an Allgatherv */
    char host[MPI_MAX_PROCESSOR_NAME];
};

/* From the inside out: mpirun may have been started by a task of srun. */
static const struct {
    const char *size, *rank;
} launchers[] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                 {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"},
                 {"PMI_SIZE", "PMI_RANK"},
                 {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}};

int clr_comm_launched(int *rank, const char **by)
{
    *rank = 0;
    *by = NULL;
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        const char *size = getenv(launchers[i].size), *mine = getenv(launchers[i].rank);
        if (!size || atoi(size) < 1)
            continue;
        *by = launchers[i].size;
        *rank = mine ? atoi(mine) : 0;
        return atoi(size);
    }
    return 1;
}

bool clr_comm_is_root(void)
{
    const char *by;
    int rank, size = clr_comm_launched(&rank, &by);

    return size == 1 || rank == 0;
}

/* Whether MPI has to be started to know of the others. Open MPI finds them through what its launchers leave in the
   environment, and takes a process without that for a lone one; of other libraries that is not known. */
static bool mpi_is_needed(void)
{
#ifdef OPEN_MPI
    static const char *const traces[] = {
        "OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMIX_NAMESPACE", "PMI_RANK", "PMI_SIZE", "PMI_FD"};
    const char *by;
    int rank;

    for (size_t i = 0; i < sizeof traces / sizeof *traces; i++)
        if (getenv(traces[i]))
            return true;
    return clr_comm_launched(&rank, &by) > 1;
#else
    return true;
#endif
}

/* Parameters of Open MPI that it cannot find out itself; what the user has set stands. */
static void set_parameters(void)
{
    char from = 1, to = 0;
    struct iovec local = {&to, 1}, remote = {&from, 1};

    /* A process that turns out to be alone needs no daemon, which Open MPI 4 starts for it and wants ssh for. */
    setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
    /* Containers may forbid the system call with which ranks of a node read each other's memory: even of one's own,
       it fails there. */
    if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 1)
        setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
}

static clr_comm *comm_of(MPI_Comm world)
{
    clr_comm *comm = CLR_NEW(clr_comm, 1);
    int length, first;

    *comm = (clr_comm){.world = world, .node = MPI_COMM_NULL, .size = 1, .node_size = 1, .nodes = 1};
    if (world != MPI_COMM_NULL) {
        MPI_Comm_rank(comm->world, &comm->rank);
        MPI_Comm_size(comm->world, &comm->size);
        MPI_Get_processor_name(comm->host, &length);
        MPI_Comm_split_type(comm->world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &comm->node);
        MPI_Comm_rank(comm->node, &comm->node_rank);
        MPI_Comm_size(comm->node, &comm->node_size);
        first = comm->node_rank == 0;
        MPI_Allreduce(&first, &comm->nodes, 1, MPI_INT, MPI_SUM, comm->world);
    } else {
        gethostname(comm->host, sizeof comm->host - 1);
    }
    comm->length = CLR_NEW(int, comm->size);
    comm->place = CLR_NEW(int, comm->size);
    return comm;
}

static struct {
    const clr_comm *comm;
    pthread_t thread; /* MPI's */
} started;

/* The job ends, the others with this rank. MPI belongs to one thread: where that of another is out of memory, the
   launcher sees to it. */
static void out_of_memory(const char *sentence)
{
    if (started.comm->size > 1)
        clr_error("rank %d on %s: %s", started.comm->rank, started.comm->host, sentence);
    else
        clr_error("%s", sentence);
    if (started.comm->size > 1 && pthread_equal(started.thread, pthread_self()))
        MPI_Abort(started.comm->world, EXIT_FAILURE);
    _exit(EXIT_FAILURE);
}

static clr_comm *start(MPI_Comm world)
{
    clr_comm *comm = comm_of(world);

    started.comm = comm;
    started.thread = pthread_self();
    clr_alloc_failure(out_of_memory);
    clr_log_rank(comm->rank, comm->size);
    return comm;
}

clr_comm *clr_comm_alone(void)
{
    return start(MPI_COMM_NULL);
}

clr_status clr_comm_start(int *argc, char ***argv, clr_comm **out)
{
    int given, rank;
    const char *by = NULL;
    MPI_Comm world;

    if (!mpi_is_needed()) {
        *out = clr_comm_alone();
        return CLR_OK;
    }
    set_parameters();
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &given);
    MPI_Comm_dup(MPI_COMM_WORLD, &world);
    clr_comm *comm = *out = start(world);
    if (given < MPI_THREAD_FUNNELED)
        return clr_fail(CLR_ECONFIG, "this MPI library does not allow threads (MPI_THREAD_FUNNELED)");
    int tasks = clr_comm_launched(&rank, &by);
    if (tasks > 1 && comm->size == 1)
        return clr_fail(
            CLR_ECONFIG,
            "%s says that %d processes were started, but MPI sees one: the launcher and this MPI library do "
            "not match. Under Slurm try 'srun --mpi=pmix' ('srun --mpi=list' shows the choices), or mpirun; in a shell "
            "that "
            "'srun --pty' started, 'mpirun -n 1' or 'env -u %s' for one process",
            by, tasks, by);
    return CLR_OK;
}

clr_comm *clr_comm_split(clr_comm *comm, int color)
{
    MPI_Comm world = MPI_COMM_NULL;

    if (comm->world != MPI_COMM_NULL)
        MPI_Comm_split(comm->world, color, comm->rank, &world);
    return comm_of(world);
}

void clr_comm_split_free(clr_comm *part)
{
    if (!part)
        return;
    if (part->world != MPI_COMM_NULL) {
        MPI_Comm_free(&part->node);
        MPI_Comm_free(&part->world);
    }
    clr_free(part->length);
    clr_free(part->place);
    clr_free(part);
}

void clr_comm_stop(clr_comm *comm)
{
    if (!comm)
        return;
    bool mpi = comm->world != MPI_COMM_NULL;
    clr_alloc_failure(NULL);
    clr_comm_split_free(comm);
    if (mpi)
        MPI_Finalize();
}

void clr_comm_abort(clr_comm *comm, int exit_status, const char *why)
{
    fprintf(stderr, "simclr: rank %d on %s: %s\n", comm->rank, comm->host, why);
    fflush(stderr);
    if (comm->world != MPI_COMM_NULL)
        MPI_Abort(comm->world, exit_status);
    _exit(exit_status);
}

MPI_Comm clr_comm_world(const clr_comm *comm)
{
    return comm->world;
}
MPI_Comm clr_comm_node(const clr_comm *comm)
{
    return comm->node;
}
int clr_comm_rank(const clr_comm *comm)
{
    return comm->rank;
}
int clr_comm_size(const clr_comm *comm)
{
    return comm->size;
}
const char *clr_comm_host(const clr_comm *comm)
{
    return comm->host;
}
int clr_comm_node_rank(const clr_comm *comm)
{
    return comm->node_rank;
}
int clr_comm_node_size(const clr_comm *comm)
{
    return comm->node_size;
}
int clr_comm_nodes(const clr_comm *comm)
{
    return comm->nodes;
}

const char *clr_comm_library(void)
{
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;

    MPI_Get_library_version(text, &length);
    text[strcspn(text, "\n")] = 0;
    return text;
}

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
