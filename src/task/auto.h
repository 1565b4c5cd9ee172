/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_AUTO_H
#define CLR_AUTO_H
/* --preset=auto of pretraining: settings from the dataset and from the options given, never from ranks, threads or
   memory. Local. */
#include "clr/opt.h"

#include <stdint.h>

/* The facts that choices depend on, beside the options given. */
typedef struct clr_auto_data {
    int64_t images;
    int side;      /* median of the images' shorter sides, pixels */
    bool gray;     /* all images */
    double budget; /* seconds of training that were asked for; 0: none */
    double epochs; /* that fit into the budget; 0: not measured yet */
} clr_auto_data;

typedef struct clr_auto_choice {
    const char *option;
    char value[64], reason[112];
} clr_auto_choice;

enum { CLR_AUTO_MOST = 16 };

/* The choices for all options that were not given (in a run's config, a file or on the command line), in the order in
   which they depend on each other. Returns how many; at most CLR_AUTO_MOST. */
int clr_auto_choose(const clr_auto_data *data, const clr_opt_set *given, clr_auto_choice *choice);

#endif
