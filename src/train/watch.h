#ifndef CLR_WATCH_H
#define CLR_WATCH_H
/* What ends a run from outside: signals, the clock, silence. Local. */
#include <stdbool.h>
#include <stdint.h>

/* SIGTERM, SIGUSR1, SIGUSR2 and the first SIGINT ask for a stop; a second SIGINT ends the process as always. */
void clr_watch_signals(void);
int clr_watch_signalled(void); /* the signal's number, or 0 */

/* Seconds since 1970 at which to be done, or 0: --time-limit (seconds, or H:MM:SS from now), else SLURM_JOB_END_TIME. limit may be NULL.
   Returns -1 where limit is not understood. */
double clr_watch_deadline(const char *limit);

/* A thread that names rank, host, step and phase, and ends the process, where no clr_watch_phase was called for so many seconds. */
typedef struct clr_watchdog clr_watchdog;
clr_watchdog *clr_watchdog_start(double seconds, int rank, const char *host); /* NULL for 0 seconds */
void clr_watch_phase(clr_watchdog *dog, const char *phase, int64_t step);     /* phase: a literal; accepts NULL */
void clr_watchdog_end(clr_watchdog *dog);                                      /* accepts NULL */

#endif
