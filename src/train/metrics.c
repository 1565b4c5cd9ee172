/* metrics.tsv. On resume the rows up to the checkpoint's step are copied to a new file, which then takes the old one's place. */
#include "clr/metrics.h"

#include "clr/mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME(name) "\t" #name
static const char header[] = "#" CLR_METRICS(NAME) "\n";

static clr_status failed(const clr_metrics *metrics)
{
    return clr_fail(CLR_EIO, "%s: cannot be written: %s", metrics->path, strerror(errno));
}

/* Copies what stays of the old file; a last line without its end is dropped. */
static void copy_rows(const char *path, int64_t step, FILE *to)
{
    FILE *from = fopen(path, "r");
    char line[4096];

    if (!from)
        return;
    while (fgets(line, sizeof line, from)) {
        char *end;
        long long at = strtoll(line, &end, 10);
        if (end != line && at <= step && at > 0 && strchr(line, '\n'))
            fputs(line, to);
    }
    fclose(from);
}

clr_status clr_metrics_open(const char *path, int64_t step, clr_metrics *metrics)
{
    clr_status st = CLR_OK;
    char *temporary = clr_text("%s.tmp", path);

    *metrics = (clr_metrics){.path = clr_copy_text(path)};
    metrics->file = fopen(temporary, "w");
    if (!metrics->file) {
        st = failed(metrics);
    } else {
        /* "# step epoch ...": the blank after # keeps the names in the columns of their numbers for readers that drop it. */
        fprintf(metrics->file, "# %s", header + 2);
        copy_rows(path, step, metrics->file);
        if (fflush(metrics->file) || fsync(fileno(metrics->file)) || rename(temporary, path))
            st = failed(metrics);
    }
    clr_free(temporary);
    return st;
}

clr_status clr_metrics_add(clr_metrics *metrics, const clr_metrics_row *row)
{
    const double *value = (const double *)row;
    size_t n = sizeof *row / sizeof *value;

    for (size_t i = 0; i < n; i++)
        fprintf(metrics->file, i ? "\t%.7g" : "%.0f", value[i]);
    fputc('\n', metrics->file);
    return fflush(metrics->file) ? failed(metrics) : CLR_OK;
}

clr_status clr_metrics_sync(clr_metrics *metrics)
{
    return fflush(metrics->file) || fsync(fileno(metrics->file)) ? failed(metrics) : CLR_OK;
}

void clr_metrics_close(clr_metrics *metrics)
{
    if (metrics->file)
        fclose(metrics->file);
    clr_free(metrics->path);
    *metrics = (clr_metrics){0};
}
