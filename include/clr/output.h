#ifndef CLR_OUTPUT_H
#define CLR_OUTPUT_H
/* Files that appear whole or not at all: written beside their place under a temporary name, then renamed over it. Links are followed,
   so that a link stays one; nothing but a regular file is ever replaced. Local; safe on several threads. */

#include "clr/err.h"

#include <stdbool.h>

/* Before anything is computed: whether path can become a file. CLR_EIO where something else is there (a folder, a device, ...), where
   a file that is not empty is there and replace is false (the message proposes --force), and where its folder cannot be written. */
clr_status clr_output_check(const char *path, bool replace);

typedef struct clr_output {
    char *target, *temporary; /* where path leads, and TARGET.tmp-PID beside it; both owned */
    int slot;                 /* of what a signal removes; -1: none was free */
} clr_output;

/* Names the temporary file, which the caller makes. A signal that ends the process from now on (SIGINT, SIGTERM, SIGHUP where nobody
   else handles them) removes it. CLR_EIO: what is at path must not be replaced; then output needs no end. */
clr_status clr_output_begin(const char *path, clr_output *output);

/* good: renames the temporary file to the target; else, or where that fails, removes it. Returns 0 or errno. Frees what output holds. */
int clr_output_end(clr_output *output, bool good);

#endif
