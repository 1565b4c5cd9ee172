/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_OUTPUT_H
#define CLR_OUTPUT_H
/* Files that appear whole or not at all: written beside their place under a temporary name, then renamed over it.
   Links are followed, so that a link stays one; nothing but a regular file is ever replaced. Local; safe on several
   threads. */

#include "clr/err.h"
#include "clr/opt.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* --force, into a bool. */
extern const clr_opt clr_force_option[];

/* Before anything is computed: whether path can become a file. CLR_EIO where something else is there (a folder, a
   device, ...), where a file that is not empty is there and replace is false (the message proposes --force), and where
   its folder cannot be written. */
clr_status clr_output_check(const char *path, bool replace);

/* Whether output and input are two files; CLR_EUSAGE where they are one. */
clr_status clr_output_apart(const char *output, const char *input);

/* Removes the temporary files of targets whose names begin so from a folder where nobody else writes such. */
void clr_output_reclaim(const char *folder, const char *beginning);

typedef struct clr_output {
    char *target, *temporary; /* where path leads, and TARGET.tmp-HOST-DRAWN-PID beside it; both owned */
    FILE *file;               /* of clr_output_open: the temporary file, to be written */
    int slot;                 /* of what a signal removes; -1: none was free */
} clr_output;

/* A number that whoever sees the names in a folder cannot guess. No part of any computation: that is clr_rng_for. */
uint64_t clr_output_draw(void);

/* TARGET.tmp-HOST-DRAWN-PID, DRAWN being 16 hexadecimal digits that nobody can guess. Freed by clr_free. */
char *clr_output_temporary(const char *target);

/* Names the temporary file, which the caller makes with O_EXCL, or opens it too. A signal that ends the process from
   now on (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU, SIGUSR1, SIGUSR2, where nobody else handles them) removes it; what
   a killed process of this host left of the same target is removed now. CLR_EIO, for instance where what is at path
   must not be replaced: then output needs no end. */
clr_status clr_output_begin(const char *path, clr_output *output);
clr_status clr_output_open(const char *path, clr_output *output);

/* The same for a file whose name is the program's own (in a run directory): a link is not followed but refused, as
   clr_plain_check does. */
clr_status clr_output_open_plain(const char *path, clr_output *output);

/* good: closes the temporary file, if it is open here, brings it to the disk, renames it to the target, brings the
   folder to the disk; where one of these fails, or not good, removes it (not good: CLR_OK). Frees what output holds. */
clr_status clr_output_end(clr_output *output, bool good);

/* Text as a cell of a tab-separated file: blanks for tabs and ends of lines. */
void clr_output_cell(FILE *file, const char *text);

/* All of a file in one call. */
clr_status clr_output_put(const char *path, const char *bytes, size_t n);

/* Removes the temporary files of all outputs that have not ended, for whoever ends the process. A signal handler may
   call it. */
void clr_output_drop(void);

#endif
