/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CHARTS_H
#define CLR_CHARTS_H
/* Curves of all runs of a report, overlaid. Local. */
#include "clr/err.h"
#include "model.h"

/* Loss, contrastive accuracy and evaluations over epochs, as figures; what no run has is left out. Without gnuplot a
   sentence says so. */
clr_status clr_charts(const clr_report *report, FILE *to);

#endif
