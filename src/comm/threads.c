/* SPDX-License-Identifier: BSD-3-Clause */
/* How many threads a rank runs: the sum, over the cores that its launcher left to it, of 1 / ranks of the node that
   may use that core, or its part of a CPU quota of the control group where that is less: threads beyond a quota make
   all wait until its next period. Work is cut by omp_get_max_threads(), so a smaller team would leave some of it
   undone: OpenMP is asked to show the team. */
#include "clr/comm.h"

#include "clr/log.h"
#include "clr/machine.h"
#include "clr/mem.h"
#include "world.h"

#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

const clr_opt clr_threads_option[] = {
    {"threads", CLR_OPT_LONG, 0, "0", "N", 0, 4096, NULL, 0, "of a rank; 0: the cores it may use"}, {0}};

enum { SPARE = 6 }; /* threads besides OpenMP's: reader, view maker, saver, watchdog, lock keeper, and one of MPI */

/* What a rank may use. */
typedef struct share {
    int mine, online;   /* cores of its mask; of the machine */
    double cores, time; /* its part of them; of the quota (HUGE_VAL: none) */
} share;

static void warn(int threads, const share *s, int node_size)
{
    double part = fmin(s->cores, s->time);

    if (threads > part + 1e-9 && s->time < s->cores)
        clr_warn("%d rank%s of %d thread%s, and a CPU quota of the control group that gives them the time of %.3g "
                 "core%s: slow; start fewer ranks, or "
                 "raise the quota (docker --cpus, cpu.max)%s",
                 node_size, node_size > 1 ? "s" : "", threads, threads > 1 ? "s" : "", part * node_size,
                 part * node_size > 1 ? "s" : "", threads > 1 ? ", or fewer --threads" : "");
    else if (threads > part + 1e-9)
        clr_warn("%d rank%s of %d thread%s on the %.3g core%s of this node that they may use: slow; start fewer ranks, "
                 "or give more cores a rank "
                 "(srun --cpus-per-task=N, mpirun --bind-to none)%s",
                 node_size, node_size > 1 ? "s" : "", threads, threads > 1 ? "s" : "", part * node_size,
                 part * node_size > 1 ? "s" : "", threads > 1 ? ", or fewer --threads" : "");
    else if (s->mine <= 2 && s->online / node_size >= 4 * s->mine)
        clr_warn("a rank may use %d of the %d cores here: the launcher bound it; mpirun --bind-to none, or srun "
                 "--cpus-per-task=N, gives it more",
                 s->mine, s->online);
}

/* On rank 0: warns of settings in the environment that are not followed. */
static void say_environment(const share *s, int64_t wanted, int threads)
{
    const char *number = getenv("OMP_NUM_THREADS"), *dynamic = getenv("OMP_DYNAMIC"), *ignored = clr_openmp_ignored();

    if (!wanted && s->time < s->cores)
        clr_info("a CPU quota of the control group gives a rank the time of %.3g cores, and it may use %d: threads=%d",
                 s->time, s->mine, threads);
    if (!wanted && number && atoi(number) != threads)
        clr_info("OMP_NUM_THREADS=%s is not followed: threads=%d by the cores that a rank may use; --threads=N sets "
                 "another number",
                 number, threads);
    if (dynamic && !strcasecmp(dynamic, "true"))
        clr_info("OMP_DYNAMIC=%s is not followed: the number of threads stays the same during a run", dynamic);
    if (*ignored)
        clr_info("%s: not followed; threads may run on all cores that the launcher leaves to a rank (mpirun --bind-to, "
                 "srun --cpu-bind, taskset), with "
                 "stacks from 512 KiB to 1 GiB",
                 ignored);
}

static void *pass(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* The number of threads, up to `wanted`, that the system lets run at once beside this one. OpenMP would end the
   program if one were refused. */
static int startable(int wanted)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t *thread = CLR_NEW(pthread_t, wanted);
    int n = 0;

    pthread_mutex_lock(&gate);
    while (n < wanted && !pthread_create(&thread[n], NULL, pass, &gate))
        n++;
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    pthread_mutex_destroy(&gate);
    clr_free(thread);
    return n;
}

/* The number of threads that OpenMP and the system give for this request; later parallel regions get the same. */
static int team_of(int threads, bool *refused)
{
    int team = 1, others = threads - 1 + SPARE, there = startable(others);

    *refused = there < others;
    if (*refused)
        threads = there > SPARE ? there - SPARE + 1 : 1;
    omp_set_dynamic(0);
    omp_set_num_threads(threads < omp_get_thread_limit() ? threads : omp_get_thread_limit());
#pragma omp parallel
#pragma omp single
    team = omp_get_num_threads();
    omp_set_num_threads(team);
    return team;
}

/* Collective over a node. */
static share share_of(clr_comm *comm)
{
    cpu_set_t set;
    int *users = CLR_NEW(int, CPU_SETSIZE), node_size = clr_comm_node_size(comm);
    share s = {
        .mine = clr_cores(&set), .online = (int)sysconf(_SC_NPROCESSORS_ONLN), .time = clr_cpu_quota() / node_size};

    for (int i = 0; i < CPU_SETSIZE && s.mine; i++)
        users[i] = CPU_ISSET(i, &set) != 0;
    if (node_size > 1)
        MPI_Allreduce(MPI_IN_PLACE, users, CPU_SETSIZE, MPI_INT, MPI_SUM, clr_comm_node(comm));
    for (int i = 0; i < CPU_SETSIZE && s.mine; i++)
        if (CPU_ISSET(i, &set))
            s.cores += 1.0 / users[i];
    if (!s.mine) { /* more cores than a mask holds */
        s.mine = s.online;
        s.cores = (double)s.online / node_size;
    }
    clr_free(users);
    return s;
}

int clr_comm_threads(clr_comm *comm, int64_t wanted)
{
    const share s = share_of(comm);
    bool refused;
    double part = fmin(s.cores, s.time);
    int threads = wanted > 0 ? (int)wanted : part < 1 ? 1 : (int)(part + 1e-9), team = team_of(threads, &refused);

    if (clr_comm_rank(comm) == 0)
        say_environment(&s, wanted, team);
    if (team < threads && (refused || clr_comm_node_rank(comm) == 0))
        clr_warn("%s gives %d thread%s and not %d: going on with that; %s", refused ? "the system" : "OpenMP", team,
                 team > 1 ? "s" : "", threads,
                 refused ? "raise 'ulimit -u', 'ulimit -v' or pids.max of the control group"
                         : "OMP_THREAD_LIMIT or OMP_MAX_ACTIVE_LEVELS holds it back, unset them");
    if (clr_comm_node_rank(comm) == 0)
        warn(team, &s, clr_comm_node_size(comm));
    return team;
}
