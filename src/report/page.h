/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PAGE_H
#define CLR_PAGE_H
/* The report as HTML. Local. */
#include "clr/err.h"
#include "model.h"

/* The whole page. CLR_EIO: gnuplot failed. */
clr_status clr_page_write(clr_report *report, const clr_grid *runs, FILE *to);

/* "2 done, 1 died"; freed by clr_free. */
char *clr_page_summary(const clr_report *report);

#endif
