/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_MACHINE_H
#define CLR_MACHINE_H
/* What this process may use of the machine besides memory (mem.h): cores, time on them, and what its limits allow.
   All local. */

#include "clr/err.h"

#include <sched.h>

/* First thing in main. Raises soft limits where the hard ones allow it (open files to 4096, the stack to 8 MiB), gives
   threads between 512 KiB and 8 MiB of stack, and under `ulimit -v` keeps malloc from reserving an arena a thread.
   Writing behind a limit on file sizes, or into a closed pipe, is from then on an error of that write, no signal. Fails
   where the stack stays too small to work with. */
clr_status clr_process_start(void);

/* The cores that the launcher left to this process, and their number; 0 where that is unknown (more cores than a
   cpu_set_t holds). The affinity mask is read before the OpenMP runtime starts, which may pin the first thread to one
   core. */
int clr_cores(cpu_set_t *cores);

/* OpenMP's variables that were taken out of the environment before its runtime read them: "OMP_PROC_BIND=true
   OMP_PLACES=cores", or "". Those that bind threads to cores, because ranks that share cores would all bind to the
   first ones, and stack sizes with which threads would crash or not start. */
const char *clr_openmp_ignored(void);

/* Cores' worth of time that the control groups of this process (v2: cpu.max, v1: cpu.cfs_quota_us) and those above
   allow to all their processes together; HUGE_VAL without a quota. Read once; _under: from files under root instead
   of "", for tests. */
double clr_cpu_quota(void);
double clr_cpu_quota_under(const char *root);

#endif
