/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_WATCHDOG_H
#define CLR_WATCHDOG_H
/* A thread that names rank, host, step and phase, and ends the process, where no phase was begun, and nothing called
   clr_alive, for longer than seconds and for longer than ten times the longest phase so far. Time in which the process
   was suspended does not count. One in a process; seconds of 0: none, and the calls do nothing. Local. */
#include "clr/opt.h"

#include <stdint.h>

/* --watchdog, into a double. main starts the watchdog of every command that has this option, but for those that start
   it themselves. */
extern const clr_opt clr_watchdog_option[];

/* Local. seconds of 0: none; rank and host are for its message. */
void clr_watchdog_start(double seconds, int rank, const char *host);
void clr_watch_phase(const char *phase,
                     int64_t step); /* phase: a literal; step 0: not in one; -1: the one of the call before */
void clr_watchdog_end(void);

#endif
