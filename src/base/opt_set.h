/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_OPT_SET_H
#define CLR_OPT_SET_H
/* Shared by the command line, texts and values of options. Local. */
#include "clr/opt.h"

int clr_opt_find(const clr_opt_set *set, const char *name); /* its row, or -1 */

/* Keeps a copy of value, unless a later source has given one. */
void clr_opt_put(clr_opt_set *set, int i, const char *value, clr_opt_source source);

/* Whether two texts of one option mean the same: "0.50" and "0.5", "yes" and "on". Either may be NULL. */
bool clr_opt_alike(const clr_opt *opt, const char *a, const char *b);

/* Warns, on rank 0, that one source gives an option two values, of which the second counts. where: "command line",
   "FILE:LINE". */
void clr_opt_twice(const clr_opt *opt, const char *where, const char *first, const char *second);

/* CLR_EUSAGE that proposes the nearest. origin: a file and its line; NULL: the command line, which has options
   beside the table's. */
clr_status clr_opt_unknown(const clr_opt_set *set, const char *name, const char *origin);

#endif
