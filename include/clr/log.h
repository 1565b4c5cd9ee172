/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LOG_H
#define CLR_LOG_H
/* What the program says while it runs: on stderr, and in the run's log file where one is open.
   Numbers go elsewhere (metrics.tsv, a command's last line on stdout). */

#include "clr/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Local. Only rank 0 says clr_info; clr_warn speaks on every rank and names it. */
void clr_log_rank(int rank, int ranks);

/* Local. Copies everything said from now on into the file at path (appended, see clr_plain_open), NULL stops that.
   CLR_EIO. */
clr_status clr_log_file(const char *path);

/* Local; any thread. A line to stderr and the log: info from rank 0 alone, a warning from any rank. */
void clr_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void clr_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The one line that says why the program failed; main says it. */
void clr_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A warning about what is the same on all ranks: rank 0 says it, each key once in the life of the process. */
void clr_warn_once(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Any thread. Long work that moves says so, to the watchdog alone (clr/watchdog.h); the count of these calls. */
void clr_alive(void);
uint64_t clr_alive_count(void);

/* Rank 0: a line that rewrites itself on a terminal and is a plain line elsewhere. A terminal's line
   is ended by the next clr_info or clr_warn; of its parts, with two blanks between, as many are shown as fit. */
void clr_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

void clr_progress_end(void); /* ends such a line, for what goes to stdout */

/* Local. Whether stderr is a terminal that can do so, which TERM=dumb is not: then such lines may be frequent. */
bool clr_log_rewrites(void);

#endif
