/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_PICTURES_H
#define CLR_PICTURES_H
/* Pictures of a run, inside the page. Local. */
#include "model.h"

#include <stdint.h>

/* Figures of what lies in the run directory (neighbours.png, views.png, map.tsv of simclr map, confusion.tsv), and of a
   contact sheet drawn from its dataset where there is no views.png and the dataset is at its place. room: bytes that
   the page can take yet; what does not fit is named instead. */
void clr_pictures(clr_reported *run, int64_t room, FILE *to);

#endif
