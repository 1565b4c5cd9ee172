#ifndef CLR_OPT_SET_H
#define CLR_OPT_SET_H
/* Shared by the command line, texts and values of options. Local. */
#include "clr/opt.h"

int clr_opt_find(const clr_opt_set *set, const char *name); /* its row, or -1 */

/* Keeps a copy of value, unless a later source has given one. */
void clr_opt_put(clr_opt_set *set, int i, const char *value, clr_opt_source source);

/* CLR_EUSAGE that proposes the nearest. origin: a file and its line; NULL: the command line, which has options beside the table's. */
clr_status clr_opt_unknown(const clr_opt_set *set, const char *name, const char *origin);

#endif
