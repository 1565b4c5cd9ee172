/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics.jsonl: an object a step, {"time": ..., "step": 1, "epoch": ..., ...}, numbers as in metrics.tsv, null for
   what is none. */
#include "sink.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t keep(FILE *from, int64_t step, FILE *to)
{
    static const char begins[] = "{\"time\": ";
    static char line[CLR_SINK_RECORD];
    int64_t last = -1;

    while (fgets(line, sizeof line, from)) {
        const char *at = strstr(line, "\"step\": ");
        size_t n = strlen(line);
        int64_t number = at ? strtoll(at + 8, NULL, 10) : -1;
        if (n < 2 || strcmp(line + n - 2, "}\n") || strncmp(line, begins, strlen(begins)) || number <= last ||
            number > step || (last >= 0 && number != last + 1))
            break;
        fputs(line, to);
        last = number;
    }
    return last;
}

static size_t encode(const clr_sink_row *row, char *record)
{
    size_t n = (size_t)snprintf(record, CLR_SINK_RECORD, "{\"time\": %.3f", row->time);

    for (int i = 0; i < row->columns; i++) {
        n += (size_t)snprintf(record + n, CLR_SINK_RECORD - n, ", \"%.64s\": ", row->column[i]);
        n += (size_t)snprintf(record + n, CLR_SINK_RECORD - n, isfinite(row->value[i]) ? i ? "%.7g" : "%.0f" : "null",
                              row->value[i]);
    }
    n += (size_t)snprintf(record + n, CLR_SINK_RECORD - n, "}\n");
    return n;
}

const clr_sink_kind clr_sink_jsonl = {.name = "jsonl", .file = "metrics.jsonl", .keep = keep, .encode = encode};
