/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_READ_PART_H
#define CLR_READ_PART_H
/* Where the part of a folder tree lies that --split names. Messages name the path. Local. */

#include "clr/err.h"
#include "file.h"

/* The folders in a folder, but for droppings; those named like parts only, or all. Freed by clr_names_free. */
clr_status clr_part_folders(const char *folder, bool parts, clr_names *folders);

/* Whether a way leads up: "../x". */
bool clr_part_leads_up(const char *way);

/* The folder of a part: below SRC, or below the folder that wraps everything; *top is freed by clr_free, NULL: there is
   none. */
clr_status clr_part_find(const char *src, const char *split, char **top);

#endif
