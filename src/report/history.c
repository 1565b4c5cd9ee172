/* SPDX-License-Identifier: BSD-3-Clause */
/* The lines of a log that src/run/progress.c and open.c write:
     simclr 0.1.0 (LIBRARIES): 2 ranks on 1 node, 1 thread each, avx512 kernels
     going on from DIR/checkpoints/step-00000100.h5: step 100 of 4000 */
#include "history.h"

#include "clr/mem.h"
#include "clr/plain.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 4096 };

static clr_start *add(clr_history *h)
{
    if (h->starts == h->room) {
        int room = h->room ? 2 * h->room : 4;
        clr_start *start = CLR_NEW(clr_start, room);
        for (int i = 0; i < h->starts; i++)
            start[i] = h->start[i];
        clr_free(h->start);
        h->start = start;
        h->room = room;
    }
    return &h->start[h->starts++];
}

static void read_line(clr_history *h, const char *line)
{
    clr_start s = {0};
    const char *layout = strstr(line, "): ");
    double step, of;

    if (!strncmp(line, "simclr ", 7) && layout && sscanf(line, "simclr %31s", s.version) == 1 &&
        sscanf(layout, "): %lf rank%*[s ] on %lf node%*[s,] %lf thread%*[s ] each, %31s", &s.ranks, &s.nodes,
               &s.threads, s.kernels) == 4)
        *add(h) = s;
    const char *from = strncmp(line, "going on from ", 14) ? NULL : strstr(line, ".h5: step ");
    if (from && h->starts && sscanf(from, ".h5: step %lf of %lf", &step, &of) == 2)
        h->start[h->starts - 1].step = step;
}

clr_status clr_history_read(const char *path, clr_history *h)
{
    char line[LINE];
    FILE *from = NULL;
    clr_status st = clr_plain_stream(path, &from);

    *h = (clr_history){0};
    while (st == CLR_OK && from && fgets(line, sizeof line, from)) {
        line[strcspn(line, "\r\n")] = 0;
        read_line(h, line);
        if (*line)
            snprintf(h->last, sizeof h->last, "%.*s", (int)sizeof h->last - 1, line);
    }
    if (st == CLR_OK && from && ferror(from))
        st = clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
    if (from)
        fclose(from);
    return st;
}

void clr_history_free(clr_history *h)
{
    clr_free(h->start);
    *h = (clr_history){0};
}

double clr_history_cores(const clr_history *h, double step)
{
    double cores = NAN;

    for (int i = 0; i < h->starts; i++)
        if (h->start[i].step < step || i == 0)
            cores = h->start[i].ranks * h->start[i].threads;
    return cores;
}
