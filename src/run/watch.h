/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_WATCH_H
#define CLR_WATCH_H
/* The reasons from outside for which a run stops: signals and the time limit (watchdog.h looks for ranks that hang).
   Local. */
#include <stdbool.h>
#include <stdint.h>

/* SIGTERM, SIGUSR1, SIGUSR2, SIGHUP (unless it is ignored, as under nohup), SIGXCPU and the first SIGINT and SIGQUIT
   ask for a stop; a second SIGINT or SIGQUIT ends the process as always. speaks: the first is answered on stderr at
   once. Where the soft limit of processor time is the hard one, at which the system kills, it is lowered a little, so
   that SIGXCPU comes first. */
void clr_watch_signals(bool speaks);
int clr_watch_signalled(void);          /* the signal's number, or 0 */
const char *clr_watch_name(int number); /* "SIGTERM", for people */

double clr_watch_now(void); /* seconds since 1970 */

/* The seconds of --time-limit: "5", "1:30", "1:30:00", or as Slurm writes it D-H, D-H:MM and D-H:MM:SS. -1 where the
   text is none of these or empty. */
double clr_watch_seconds(const char *limit);

/* Seconds since 1970 at which to be done, or 0: `seconds` from now where that is more than 0, else
   SLURM_JOB_END_TIME; where this is past, another job left it: it is warned about, once, and does not count. */
double clr_watch_deadline(double seconds);

#endif
