/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_SINK_H
#define CLR_SINK_H
/* Rows of metrics.tsv in other forms, for other programs (--log-format). A family: one file a member. metrics.tsv is
   the truth: at each start a sink's file keeps its records up to the run's step, gets those that it lacks from there,
   and is then appended to. So no row is doubled and none is missing, whatever ended the start before. A record that
   cannot be written makes no run fail: at the next checkpoint the file is made whole again. Local; rank 0. */
#include "clr/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CLR_SINK_RECORD = 1 << 15 }; /* bytes of a record, at most; and of a column's name 64 */

typedef struct clr_sink_row {
    const char *const *column; /* the first two are step and epoch */
    const double *value;       /* NaN: nothing was measured */
    int columns;
    double time; /* seconds since 1970 */
} clr_sink_row;

typedef struct clr_sink_picture {
    const uint8_t *png;
    size_t bytes; /* 0: there is none */
} clr_sink_picture;

typedef struct clr_sink_kind {
    const char *name, *file; /* in --log-format; in the run directory */
    /* Copies the records that are whole up to step. Returns the last one's step; -1: none is whole. */
    int64_t (*keep)(FILE *from, int64_t step, FILE *to);
    void (*begin)(const clr_sink_picture *picture, double time, FILE *to); /* of a file with no record; or NULL */
    size_t (*encode)(const clr_sink_row *row, char *record);               /* bytes written */
} clr_sink_kind;

extern const clr_sink_kind clr_sink_jsonl, clr_sink_tensorboard;
enum { CLR_SINKS = 2 };
extern const clr_sink_kind *const clr_sink_kinds[CLR_SINKS];

/* "tsv,jsonl" into an unsigned: bit i is clr_sink_kinds[i]. */
clr_status clr_sink_parse(const char *list, void *field);

typedef struct clr_sink {
    const clr_sink_kind *kind;
    char *path, *record;
    int file;    /* -1: not open */
    bool broken; /* a record is missing; the next repair brings it */
} clr_sink;

/* Opens the file for a run at step (-1: a new one, which keeps no record). metrics: path of a metrics.tsv whose columns
   are these. A failure is said, and the sink is broken. */
void clr_sink_open(const clr_sink_kind *kind, const char *folder, clr_sink *sink);
void clr_sink_repair(clr_sink *sink, const char *metrics, const clr_sink_row *like, const clr_sink_picture *picture,
                     int64_t step);
/* Appends a record; allocates nothing. */
void clr_sink_add(clr_sink *sink, const clr_sink_row *row);
/* To the disk. */
void clr_sink_sync(clr_sink *sink);
void clr_sink_close(clr_sink *sink); /* accepts a zeroed one */

#endif
