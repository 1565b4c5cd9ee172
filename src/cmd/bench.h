/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_BENCH_H
#define CLR_BENCH_H
/* What benchmarks have in common. */
#include "clr/opt.h"

extern const clr_opt clr_steps_option[];    /* --steps, into an int64_t */
extern const clr_opt clr_channels_option[]; /* --channels, into an int */

#endif
