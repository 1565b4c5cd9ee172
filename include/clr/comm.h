/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_COMM_H
#define CLR_COMM_H
/* The only door to MPI. Failures inside MPI stop all ranks (MPI_ERRORS_ARE_FATAL); everything else that
   can go wrong is agreed upon before ranks could part ways. MPI is called from one thread a rank.
   Counts may exceed INT_MAX and messages 1 GiB: they are cut here. */

#include "clr/err.h"
#include "clr/opt.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct clr_comm clr_comm;

/* Collective. Starts MPI, or where no launcher started this process (Open MPI alone tells), a communicator of one
   rank without it: a lone process depends on nothing that MPI needs (ssh, a folder for temporary files). Fails where
   a launcher started several processes that do not know of each other. From here on, an allocation that fails ends
   all ranks (clr_alloc_failure). */
clr_status clr_comm_start(int *argc, char ***argv, clr_comm **comm);

/* Local. A communicator of this process alone, without MPI, whoever started it. clr_comm_stop ends it. */
clr_comm *clr_comm_alone(void);

/* Local, before clr_comm_start too. How many processes the innermost launcher started, as far as its environment
   tells, or 1; *rank: this one's number; *by: the variable that says so, or NULL. */
int clr_comm_launched(int *rank, const char **by);
bool clr_comm_is_root(void); /* rank 0 of these, or alone */

/* Collective. Ends MPI; accepts NULL. */
void clr_comm_stop(clr_comm *comm);

/* Collective. The ranks that give the same color get a communicator of their own, in the order of their ranks;
   clr_comm_split_free ends it, clr_comm_stop does not. */
clr_comm *clr_comm_split(clr_comm *comm, int color);
void clr_comm_split_free(clr_comm *part); /* collective over part; accepts NULL */

/* Local. Ends every rank of the job now, naming this rank, its host and why. Does not return. */
void clr_comm_abort(clr_comm *comm, int exit_status, const char *why) __attribute__((noreturn));

/* Local. This process' number among clr_comm_size(), and the name of its host (the communicator's). */
int clr_comm_rank(const clr_comm *comm);
int clr_comm_size(const clr_comm *comm);
const char *clr_comm_host(const clr_comm *comm);
int clr_comm_node_rank(const clr_comm *comm); /* place among the ranks of this node */
int clr_comm_node_size(const clr_comm *comm); /* ranks on this node */
int clr_comm_nodes(const clr_comm *comm);     /* nodes in the job */
const char *clr_comm_library(void);           /* "Open MPI v4.1.4, ..." */

/* --threads, into an int64_t: for clr_comm_threads. */
extern const clr_opt clr_threads_option[];

/* Collective over a node. The threads of this rank, told to OpenMP: wanted, or where that is 0 this rank's part of
   the cores that its launcher left to it; a core that n ranks of the node may use counts 1/n for each, and a CPU
   quota of the control group bounds the sum. Every command that computes calls it first: afterwards a parallel region
   has as many threads as omp_get_max_threads() says, fewer than wanted, with a warning, where OpenMP or the system
   gives no more. Says what OMP_NUM_THREADS and its kin ask for and do not get. Warns where threads outnumber cores or
   quota, and where a rank is bound to few of many cores, with the launcher's option that mends it. */
int clr_comm_threads(clr_comm *comm, int64_t wanted);

/* Collective. The worst status of all ranks, and on every rank the sentence of the lowest rank that has
   it ("rank 3 (node7): ..." where there are several ranks). To be called wherever one rank may have
   failed alone, before the next collective. */
clr_status clr_comm_agree(clr_comm *comm, clr_status st);

/* Local. Whether st, returned to here, was agreed upon (so that all ranks hold it) or is this rank's alone. */
bool clr_comm_agreed(const clr_comm *comm, clr_status st);

/* Collective. */
void clr_comm_barrier(clr_comm *comm);
void clr_comm_broadcast(clr_comm *comm, void *data, int64_t bytes, int root);
void clr_comm_allreduce_sum(clr_comm *comm, float *data, int64_t count);         /* in place */
void clr_comm_allreduce_sum_double(clr_comm *comm, double *data, int64_t count); /* in place */
void clr_comm_allreduce_max_double(clr_comm *comm, double *data, int64_t count); /* in place */
void clr_comm_allreduce_sum_int(clr_comm *comm, int64_t *data, int64_t count);   /* in place */

/* Collective. Rank r gives counts[r] floats (counts is the same on every rank); all hold the
   concatenation in rank order in all, which must not overlap mine. */
void clr_comm_allgatherv(clr_comm *comm, const float *mine, float *all, const int64_t *counts);

/* Seconds since some fixed moment, monotonic. Local. */
double clr_seconds(void);

#endif
