/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI: start and stop. Where no launcher started this process, MPI is not started: world is MPI_COMM_NULL then. */
#include "clr/comm.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "world.h"

#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Parameters that Open MPI cannot find out itself. A setting of the user is kept. */
static void set_parameters(void)
{
    char from = 1, to = 0;
    struct iovec local = {&to, 1}, remote = {&from, 1};

    /* A single process needs no daemon. Open MPI 4 would start one, and would need ssh. */
    setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
    /* Containers may forbid the system call with which ranks of a node read each other's memory. There it fails even
       for the process's own memory. */
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

/* Ends the job with all ranks. Only the thread that started MPI may abort it; for other threads the launcher ends
   the job. */
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

    if (!clr_comm_needs_mpi()) {
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
