/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages to people. One mutex, because loader threads warn too. */
#include "clr/log.h"

#include "clr/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    int rank, ranks;
    FILE *file;
    char path[PATH_MAX]; /* of file */
    bool line_open;      /* a progress line waits for its end */
    bool lossy;          /* a write to the file failed, and the user was told */
    time_t noted;        /* when the file got a progress line */
    const char *said[64];
    int said_count;
} logs = {.lock = PTHREAD_MUTEX_INITIALIZER, .ranks = 1};

static atomic_uint_fast64_t alive;

void clr_alive(void)
{
    atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
}

uint64_t clr_alive_count(void)
{
    return atomic_load_explicit(&alive, memory_order_relaxed);
}

void clr_log_rank(int rank, int ranks)
{
    logs.rank = rank;
    logs.ranks = ranks;
}

clr_status clr_log_file(const char *path)
{
    int descriptor = -1;
    clr_status st = path ? clr_plain_open(path, O_WRONLY | O_APPEND | O_CREAT, &descriptor) : CLR_OK;

    pthread_mutex_lock(&logs.lock);
    if (logs.file)
        fclose(logs.file);
    logs.file = descriptor >= 0 ? fdopen(descriptor, "a") : NULL;
    logs.lossy = false;
    snprintf(logs.path, sizeof logs.path, "%s", path ? path : "");
    if (descriptor >= 0 && !logs.file) {
        st = clr_fail(CLR_EIO, "%s: cannot be written: %s", path, strerror(errno));
        close(descriptor);
    }
    pthread_mutex_unlock(&logs.lock);
    return st;
}

/* The width of a terminal behind a launcher that takes standard error through a pipe, as the job scripts saw it; 0:
   there is none. */
static int columns_behind(void)
{
    const char *text = getenv("SIMCLR_TERMINAL");

    return text && atoi(text) > 0 ? atoi(text) : 0;
}

bool clr_log_rewrites(void)
{
    const char *term = getenv("TERM");

    return (isatty(STDERR_FILENO) || columns_behind()) && term && *term && strcmp(term, "dumb");
}

static int columns(void)
{
    const char *text = getenv("COLUMNS");
    struct winsize size;

    if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col)
        return size.ws_col;
    if (columns_behind())
        return columns_behind();
    return text && atoi(text) > 0 ? atoi(text) : 80;
}

/* A line longer than the terminal is wide cannot be rewritten in place. Its last parts (separated by two blanks) are
   dropped until it fits; where the first part alone is too long, it is cut before a whole character. */
static void fit(char *text, size_t capacity)
{
    while (strlen(text) > capacity) {
        char *last = NULL;
        for (char *at = strstr(text, "  "); at; at = strstr(at + 2, "  "))
            last = at;
        while (!last && capacity && ((unsigned char)text[capacity] & 0xc0) == 0x80)
            capacity--;
        *(last ? last : text + capacity) = 0;
    }
}

/* What a terminal shows in colour of a line's prefix: warnings yellow, errors red; see no-color.org. */
static const char *colour_of(const char *prefix)
{
    const char *off = getenv("NO_COLOR");

    if (!*prefix || (off && *off))
        return "";
    return strncmp(prefix, "warning", 7) ? "\033[31m" : "\033[33m";
}

/* With the lock held. A line that cannot be written to the file is still printed. */
static void put(const char *prefix, const char *text)
{
    bool good = fprintf(logs.file, "%s%s\n", prefix, text) >= 0;

    good = !fflush(logs.file) && good;
    if (!good && !logs.lossy) {
        fprintf(stderr, "warning: %s: cannot be written: %s; what it lacks is said here alone\n", logs.path,
                strerror(errno));
        fflush(stderr);
        logs.lossy = true;
    }
    clearerr(logs.file);
}

static void say(const char *prefix, const char *format, va_list args, bool rewrite)
{
    char text[2048];

    vsnprintf(text, sizeof text, format, args);
    pthread_mutex_lock(&logs.lock);
    bool terminal = clr_log_rewrites();
    if (rewrite && terminal) {
        char line[sizeof text];
        strcpy(line, text);
        fit(line, (size_t)columns() - 1);
        fprintf(stderr, "\r\033[K%s", line);
        logs.line_open = true;
    } else {
        const char *colour = terminal ? colour_of(prefix) : "";
        fprintf(stderr, "%s%s%s%s%s\n", logs.line_open ? "\n" : "", colour, prefix, *colour ? "\033[m" : "", text);
        logs.line_open = false;
    }
    fflush(stderr);
    time_t now = time(NULL);
    bool passing = rewrite && terminal && now - logs.noted < 60; /* the file gets a rewritten line once a minute */
    if (logs.file && !passing) {
        if (rewrite)
            logs.noted = now;
        put(prefix, text);
    }
    pthread_mutex_unlock(&logs.lock);
}

void clr_info(const char *format, ...)
{
    va_list args;

    if (logs.rank != 0)
        return;
    va_start(args, format);
    say("", format, args, false);
    va_end(args);
}

void clr_warn(const char *format, ...)
{
    char prefix[64] = "warning: ";
    va_list args;

    if (logs.ranks > 1)
        snprintf(prefix, sizeof prefix, "warning (rank %d): ", logs.rank);
    va_start(args, format);
    say(prefix, format, args, false);
    va_end(args);
}

void clr_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say("simclr: ", format, args, false);
    va_end(args);
}

void clr_warn_once(const char *key, const char *format, ...)
{
    va_list args;

    pthread_mutex_lock(&logs.lock);
    bool known = logs.said_count == 64;
    for (int i = 0; i < logs.said_count && !known; i++)
        known = !strcmp(logs.said[i], key);
    if (!known)
        logs.said[logs.said_count++] = key;
    pthread_mutex_unlock(&logs.lock);
    if (known || logs.rank != 0)
        return;
    va_start(args, format);
    say("warning: ", format, args, false);
    va_end(args);
}

void clr_progress_end(void)
{
    pthread_mutex_lock(&logs.lock);
    if (logs.line_open)
        fputc('\n', stderr);
    logs.line_open = false;
    pthread_mutex_unlock(&logs.lock);
}

void clr_progress(const char *format, ...)
{
    va_list args;

    if (logs.rank != 0)
        return;
    va_start(args, format);
    say("", format, args, true);
    va_end(args);
}
