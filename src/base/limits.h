/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_LIMITS_H
#define CLR_LIMITS_H
/* For this folder alone: control groups. */
#include <stdbool.h>
#include <stdint.h>

enum { CLR_GROUP_PATH = 1024 };

/* Calls visit with the folder of this process's group and of each above it in which controller ("memory", "cpu") may
   have limits, in both versions of control groups. root stands before /proc and before the mount points. */
void clr_groups(const char *root, const char *controller, void (*visit)(const char *folder, bool v2, void *context),
                void *context);

/* The number behind key at the beginning of a line of folder/name (key "": the first line); UINT64_MAX where there
   is none, or the word "max". Allocates nothing, because it is also called when memory has run out. */
uint64_t clr_number_at(const char *folder, const char *name, const char *key);

#endif
