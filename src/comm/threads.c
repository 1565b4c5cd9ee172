/* How many threads a rank runs: the sum, over the cores of its affinity mask, of 1 / ranks of the node that may use that core. Work is cut
   by omp_get_max_threads(), so a smaller team would leave some of it undone: OpenMP is asked to show the team. */
#include "clr/comm.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "world.h"

#include <omp.h>
#include <sched.h>
#include <unistd.h>

static void warn(int threads, double part, int mine, int online, int node_size)
{
    if (threads > part + 1e-9)
        clr_warn("%d rank%s of %d thread%s on the %.3g core%s of this node that they may use: slow; start fewer ranks, or give more cores a rank "
                 "(srun --cpus-per-task=N, mpirun --bind-to none)%s",
                 node_size, node_size > 1 ? "s" : "", threads, threads > 1 ? "s" : "", part * node_size, part * node_size > 1 ? "s" : "",
                 threads > 1 ? ", or fewer --threads" : "");
    else if (mine <= 2 && online / node_size >= 4 * mine)
        clr_warn("a rank may use %d of the %d cores here: the launcher bound it; mpirun --bind-to none, or srun --cpus-per-task=N, gives it more",
                 mine, online);
}

/* The threads that OpenMP gives to whoever asks for so many, from now on always. */
static int team_of(int threads)
{
    int team = 1;

    omp_set_dynamic(0);
    omp_set_num_threads(threads < omp_get_thread_limit() ? threads : omp_get_thread_limit());
#pragma omp parallel
#pragma omp single
    team = omp_get_num_threads();
    omp_set_num_threads(team);
    return team;
}

int clr_comm_threads(clr_comm *comm, int64_t wanted)
{
    cpu_set_t set;
    int *users = CLR_NEW(int, CPU_SETSIZE), mine = 0, node_size = clr_comm_node_size(comm);
    int online = (int)sysconf(_SC_NPROCESSORS_ONLN);
    double part = 0;

    CPU_ZERO(&set);
    bool known = !sched_getaffinity(0, sizeof set, &set);
    for (int i = 0; i < CPU_SETSIZE && known; i++)
        mine += users[i] = CPU_ISSET(i, &set) != 0;
    MPI_Allreduce(MPI_IN_PLACE, users, CPU_SETSIZE, MPI_INT, MPI_SUM, clr_comm_node(comm));
    for (int i = 0; i < CPU_SETSIZE && known; i++)
        if (CPU_ISSET(i, &set))
            part += 1.0 / users[i];
    if (!known || !mine) { /* more cores than a mask holds */
        mine = online;
        part = (double)online / node_size;
    }
    clr_free(users);
    int threads = wanted > 0 ? (int)wanted : part < 1 ? 1 : (int)(part + 1e-9);
    int team = team_of(threads);
    if (clr_comm_node_rank(comm) == 0 && team < threads)
        clr_warn("OpenMP gives %d thread%s and not %d: going on with that; OMP_THREAD_LIMIT or OMP_MAX_ACTIVE_LEVELS holds it back, unset them", team,
                 team > 1 ? "s" : "", threads);
    if (clr_comm_node_rank(comm) == 0)
        warn(team, part, mine, online, node_size);
    return team;
}
