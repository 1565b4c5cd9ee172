/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_VARIED_H
#define CLR_VARIED_H
/* Which settings tell the runs of a study apart. Local. */
#include "model.h"

/* A setting of a run; "" where it has none. */
const char *clr_varied_setting(const clr_report *report, int run, const char *name);

/* How many values a setting takes over runs that have an accuracy; *number: all are numbers. */
int clr_varied_values(const clr_report *report, const char *name, bool *number);

/* The options that matter and take several values, each once; *n of them. Freed by clr_free, but for the texts. */
const char **clr_varied_names(const clr_report *report, int *n);

/* Of these, the one that a study is about: see study.c. NULL: there is none. */
const char *clr_varied_one(const clr_report *report, const char *const *names, int n);

#endif
