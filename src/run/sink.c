/* SPDX-License-Identifier: BSD-3-Clause */
#include "sink.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/metrics.h"
#include "clr/opt.h"
#include "clr/output.h"
#include "clr/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const clr_sink_kind *const clr_sink_kinds[CLR_SINKS] = {&clr_sink_jsonl, &clr_sink_tensorboard};

clr_status clr_sink_parse(const char *list, void *field)
{
    const char *words[CLR_SINKS + 1] = {"tsv"};
    unsigned *wanted = field;
    char *copy = clr_copy_text(list ? list : ""), *rest = NULL;
    clr_status st = CLR_OK;

    *wanted = 0;
    for (int i = 0; i < CLR_SINKS; i++)
        words[1 + i] = clr_sink_kinds[i]->name;
    for (char *word = strtok_r(copy, ",", &rest); word && st == CLR_OK; word = strtok_r(NULL, ",", &rest)) {
        int i = 0;
        while (i <= CLR_SINKS && strcmp(word, words[i]))
            i++;
        if (i > CLR_SINKS) {
            const char *near = clr_opt_nearest(word, words, CLR_SINKS + 1);
            st = clr_fail(CLR_EUSAGE, "--log-format=%s: '%s' is none of tsv, jsonl, tensorboard%s%s%s", list, word,
                          near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        } else if (i) {
            *wanted |= 1u << (i - 1);
        }
    }
    clr_free(copy);
    return st;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Adds the rows of metrics.tsv behind step `after`, up to step. */
static clr_status fill(clr_sink *sink, const char *metrics, clr_sink_row row, int64_t after, int64_t step, FILE *to)
{
    enum { LINE = 4096 };
    double value[CLR_METRICS_COLUMNS];
    char line[LINE];
    FILE *from = NULL;
    clr_status st = clr_plain_stream(metrics, &from);

    row.value = value;
    row.time = now();
    while (st == CLR_OK && from && fgets(line, sizeof line, from)) {
        char *at = line, *end = line;
        int n = 0;
        if (*line == '#' || strtod(line, NULL) <= (double)after || strtod(line, NULL) > (double)step)
            continue;
        for (; n < row.columns && *at; n++, at = *end == '\t' ? end + 1 : end) {
            value[n] = strtod(at, &end);
            if (end == at)
                break;
        }
        if (n == row.columns)
            fwrite(sink->record, 1, sink->kind->encode(&row, sink->record), to);
    }
    if (from)
        fclose(from);
    return st;
}

void clr_sink_open(const clr_sink_kind *kind, const char *folder, clr_sink *sink)
{
    *sink = (clr_sink){kind, clr_text("%s/%s", folder, kind->file), CLR_NEW(char, CLR_SINK_RECORD), -1, true};
}

void clr_sink_repair(clr_sink *sink, const char *metrics, const clr_sink_row *like, const clr_sink_picture *picture,
                     int64_t step)
{
    clr_output output;
    FILE *from = NULL;
    int64_t kept = -1;

    if (!sink->broken)
        return;
    if (sink->file >= 0)
        close(sink->file);
    sink->file = -1;
    clr_status st = step < 0 ? CLR_OK : clr_plain_stream(sink->path, &from);
    if (st == CLR_OK)
        st = clr_output_open_plain(sink->path, &output);
    if (st == CLR_OK) {
        kept = from ? sink->kind->keep(from, step, output.file) : -1;
        if (kept < 0 && sink->kind->begin)
            sink->kind->begin(picture, now(), output.file);
        st = fill(sink, metrics, *like, kept, step, output.file);
        clr_status end = clr_output_end(&output, st == CLR_OK);
        st = st == CLR_OK ? end : st;
    }
    if (from)
        fclose(from);
    if (st == CLR_OK)
        st = clr_plain_open(sink->path, O_WRONLY | O_APPEND, &sink->file);
    sink->broken = st != CLR_OK || sink->file < 0;
    if (sink->broken)
        clr_warn("%s; trying again at the next checkpoint", st == CLR_OK ? "a log has gone" : clr_message());
}

void clr_sink_add(clr_sink *sink, const clr_sink_row *row)
{
    if (sink->broken)
        return;
    size_t n = sink->kind->encode(row, sink->record), done = 0;
    while (done < n) {
        ssize_t wrote = write(sink->file, sink->record + done, n - done);
        if (wrote > 0)
            done += (size_t)wrote;
        else if (wrote == 0 || errno != EINTR)
            break;
    }
    sink->broken = done < n;
    if (sink->broken)
        clr_warn_once(sink->kind->name, "%s: cannot be written: %s; its rows come with the next checkpoint", sink->path,
                      strerror(errno));
}

void clr_sink_sync(clr_sink *sink)
{
    if (!sink->broken && clr_plain_sync(sink->file, false))
        sink->broken = true;
}

void clr_sink_close(clr_sink *sink)
{
    if (sink->path && sink->file >= 0)
        close(sink->file);
    clr_free(sink->path);
    clr_free(sink->record);
    *sink = (clr_sink){.file = -1};
}
