#ifndef CLR_WATCH_H
#define CLR_WATCH_H
/* What ends a run from outside: signals, the clock, silence. Local. */
#include <stdbool.h>
#include <stdint.h>

/* SIGTERM, SIGUSR1, SIGUSR2 and the first SIGINT ask for a stop; a second SIGINT ends the process as always. */
void clr_watch_signals(void);
int clr_watch_signalled(void); /* the signal's number, or 0 */

/* Seconds since 1970 at which to be done, or 0: --time-limit (seconds, [D-]H:MM:SS, or as Slurm has it D-H and D-H:MM, from now), else
   SLURM_JOB_END_TIME. limit may be NULL. Returns -1 where limit is not understood. */
double clr_watch_deadline(const char *limit);

/* The watchdog: a thread that names rank, host, step and phase, and ends the process, where no phase was begun, and nothing called
   clr_alive, for longer than seconds and for longer than ten times the longest phase so far. Time in which the process was suspended
   does not count. One in a process; seconds of 0: none, and the calls do nothing. */
void clr_watchdog_start(double seconds, int rank, const char *host);
void clr_watch_phase(const char *phase, int64_t step); /* phase: a literal; step 0: not in one; -1: the one of the call before */
void clr_watchdog_end(void);

#endif
