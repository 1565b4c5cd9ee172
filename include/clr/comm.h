#ifndef CLR_COMM_H
#define CLR_COMM_H
/* The only door to MPI. Failures inside MPI stop all ranks (MPI_ERRORS_ARE_FATAL); everything else that
   can go wrong is agreed upon before ranks could part ways. MPI is called from one thread a rank.
   Counts may exceed INT_MAX and messages 1 GiB: they are cut here. */

#include "clr/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct clr_comm clr_comm;

/* Collective. Starts MPI; one rank where there is no launcher. Fails where a launcher started several
   processes that do not know of each other. */
clr_status clr_comm_start(int *argc, char ***argv, clr_comm **comm);

/* Local, before clr_comm_start too. Whether this process is rank 0, or alone, as far as its launcher's environment tells. */
bool clr_comm_leads(void);

/* Collective. Ends MPI; accepts NULL. */
void clr_comm_stop(clr_comm *comm);

/* Collective. The ranks that give the same color get a communicator of their own, in the order of their ranks; clr_comm_part_free
   ends it, clr_comm_stop does not. */
clr_comm *clr_comm_part(clr_comm *comm, int color);
void clr_comm_part_free(clr_comm *part); /* collective over part; accepts NULL */

/* Local. Ends every rank of the job now, naming this rank, its host and why. Does not return. */
void clr_comm_abort(clr_comm *comm, int exit_status, const char *why) __attribute__((noreturn));

int clr_comm_rank(const clr_comm *comm);
int clr_comm_size(const clr_comm *comm);
const char *clr_comm_host(const clr_comm *comm);
int clr_comm_node_rank(const clr_comm *comm); /* place among the ranks of this node */
int clr_comm_node_size(const clr_comm *comm); /* ranks on this node */
int clr_comm_nodes(const clr_comm *comm);     /* nodes in the job */
const char *clr_comm_library(void);           /* "Open MPI v4.1.4, ..." */

/* Collective over a node. The threads of this rank, told to OpenMP: wanted, or where that is 0 this rank's part of the cores that it may
   use; a core that n ranks of the node may use counts 1/n for each. Every command that computes calls it first: afterwards a parallel
   region has as many threads as omp_get_max_threads() says, fewer than wanted, with a warning, where OpenMP gives no more. Warns where threads outnumber cores, and where a rank is bound to
   few of many cores, with the launcher's option that mends it. */
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
void clr_comm_sum(clr_comm *comm, float *data, int64_t count);          /* in place */
void clr_comm_sum_double(clr_comm *comm, double *data, int64_t count);  /* in place */
void clr_comm_max_double(clr_comm *comm, double *data, int64_t count);  /* in place */
void clr_comm_sum_int(clr_comm *comm, int64_t *data, int64_t count);    /* in place */

/* Collective. Rank r gives counts[r] floats (counts is the same on every rank); all hold the
   concatenation in rank order in all, which must not overlap mine. */
void clr_comm_gather_all(clr_comm *comm, const float *mine, float *all, const int64_t *counts);

/* Seconds since some fixed moment, monotonic. Local. */
double clr_seconds(void);

#endif
