/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_TEMPORARY_H
#define CLR_TEMPORARY_H
/* For this folder alone: temporary files, which output.c writes and renames. All local. */
#include <stdbool.h>

/* A signal that ends the process removes path too, until clr_temporary_disown(slot). Returns the slot, or -1 where all
   are in use: the file is then removed by the next writer (clr_temporary_reclaim). */
int clr_temporary_claim(const char *path);
void clr_temporary_disown(int slot); /* accepts -1 */

/* Handles the signals that end a process and that nobody else handles. */
void clr_temporary_signals(void);

/* The folder of a path, freed by clr_free, and the name in it. */
char *clr_temporary_folder(const char *path, const char **name);

/* TARGET.tmp-HOST-, with which the temporary files of a target begin; freed by clr_free. */
char *clr_temporary_stem(const char *target);

/* Removes temporary files whose names begin so from a folder: all, or those whose process was of this host and is
   gone. */
void clr_temporary_reclaim(const char *folder, const char *beginning, bool all);

#endif
