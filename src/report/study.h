/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_STUDY_H
#define CLR_STUDY_H
/* What runs of different settings show together. Local. */
#include "clr/err.h"
#include "model.h"

/* Sections of the page: accuracy against the varied setting, with the paper's beside it where the table has it; the
   composition matrix, where rows have names such as crop+color. Nothing where there is nothing to compare. */
clr_status clr_study(const clr_report *report, FILE *to);

#endif
