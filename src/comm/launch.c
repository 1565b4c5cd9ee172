/* SPDX-License-Identifier: BSD-3-Clause */
/* What the launcher's environment variables say about this process, before MPI is started. */
#include "world.h"

#include <stdlib.h>

/* The innermost launcher comes first: mpirun may have been started by a task of srun. */
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

bool clr_comm_needs_mpi(void)
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
