/* doctor: what an allocation looks like from inside, before it is spent. */
#include "clr/cmd.h"
#include "clr/isa.h"

#include <stdio.h>

typedef struct config {
    bool quiet;
} config;

static const clr_opt options[] = {{0}};

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    (void)settings, (void)set;
    if (clr_comm_rank(comm) == 0)
        printf("ranks=%d nodes=%d isa=%s mpi=\"%s\"\n", clr_comm_size(comm), clr_comm_nodes(comm),
               clr_isa_name(clr_isa_current()), clr_comm_library());
    return CLR_OK;
}

const clr_command clr_command_doctor = {.name = "doctor",
                                        .arguments = "",
                                        .help = "shows ranks, nodes, cores, binding, memory and library versions",
                                        .options = options,
                                        .config_bytes = sizeof(config),
                                        .run = run};
