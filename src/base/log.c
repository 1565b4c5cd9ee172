/* Messages to people. One mutex, because loader threads warn too. */
#include "clr/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    int rank, ranks;
    FILE *file;
    bool line_open; /* a progress line waits for its end */
    time_t noted;   /* when the file got a progress line */
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

int clr_log_file(const char *path)
{
    int error = 0;

    pthread_mutex_lock(&logs.lock);
    if (logs.file)
        fclose(logs.file);
    logs.file = NULL;
    if (path && !(logs.file = fopen(path, "a")))
        error = errno;
    pthread_mutex_unlock(&logs.lock);
    return error;
}

static void say(const char *prefix, const char *format, va_list args, bool rewrite)
{
    char text[2048];

    vsnprintf(text, sizeof text, format, args);
    pthread_mutex_lock(&logs.lock);
    bool terminal = isatty(STDERR_FILENO);
    if (rewrite && terminal) {
        fprintf(stderr, "\r\033[K%s%s", prefix, text);
        logs.line_open = true;
    } else {
        fprintf(stderr, "%s%s%s\n", logs.line_open ? "\n" : "", prefix, text);
        logs.line_open = false;
    }
    fflush(stderr);
    time_t now = time(NULL);
    bool passing = rewrite && terminal && now - logs.noted < 60; /* of a line that rewrites itself, the file gets one a minute */
    if (logs.file && !passing) {
        if (rewrite)
            logs.noted = now;
        fprintf(logs.file, "%s%s\n", prefix, text);
        fflush(logs.file);
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

void clr_progress(const char *format, ...)
{
    va_list args;

    if (logs.rank != 0)
        return;
    va_start(args, format);
    say("", format, args, true);
    va_end(args);
}
