/* SPDX-License-Identifier: BSD-3-Clause */
/* The last error's sentence, one per thread. */
#include "clr/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char message[1024];

clr_status clr_fail(clr_status st, const char *format, ...)
{
    char text[sizeof message];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(message, text, sizeof message);
    return st;
}

clr_status clr_fail_in(clr_status st, const char *format, ...)
{
    char text[sizeof message];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        n = 0;
    if ((size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, ": %s", message);
    memcpy(message, text, sizeof message);
    return st;
}

const char *clr_message(void)
{
    return message;
}

int clr_exit_status(clr_status st)
{
    return st == CLR_OK ? 0 : st == CLR_STOPPED ? 75 : st == CLR_EUSAGE ? 2 : 1;
}

void clr_bug(const char *file, int line, const char *condition)
{
    fprintf(stderr, "simclr: bug at %s:%d: %s does not hold\n", file, line, condition);
    abort();
}
