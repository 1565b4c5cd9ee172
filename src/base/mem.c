/* SPDX-License-Identifier: BSD-3-Clause */
/* Counted, aligned memory. */
#include "clr/mem.h"

#include "clr/err.h"
#include "clr/log.h"
#include "clr/output.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BIG = 1 << 23, PIECE = 1 << 21 }; /* bytes; a piece is a huge page */

static atomic_uint_fast64_t allocations;

/* A page is placed near the core that touches it first. So each thread clears the part of a big block that it will
   work on. */
static void clear(char *memory, size_t bytes)
{
    if (bytes < BIG) {
        memset(memory, 0, bytes);
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t at = 0; at < bytes; at += PIECE)
        memset(memory + at, 0, bytes - at < PIECE ? bytes - at : PIECE);
}

static void (*at_failure)(const char *sentence);

void clr_alloc_failure(void (*end)(const char *sentence))
{
    at_failure = end;
}

static void fail(size_t count, size_t size) __attribute__((noreturn));
static void fail(size_t count, size_t size)
{
    char text[400];
    clr_budget budget = clr_memory_budget(1);
    double asked = (double)count * (double)size;
    bool big = asked >= 1e6;

    snprintf(text, sizeof text,
             "out of memory: %.*f %s were asked for, and %.1f MB are there (%s); ask for less at a time, or raise that "
             "limit",
             big, big ? asked * 1e-6 : asked, big ? "MB" : "bytes", (double)budget.bytes * 1e-6, budget.by);
    clr_output_drop();
    if (at_failure)
        at_failure(text);
    clr_error("%s", text);
    _exit(EXIT_FAILURE);
}

void *clr_alloc(size_t count, size_t size)
{
    void *memory = NULL;
    size_t bytes;

    atomic_fetch_add(&allocations, 1);
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - PIECE)
        fail(count, size);
    size_t align = bytes >= BIG ? PIECE : CLR_ALIGN;
    bytes = (bytes + align - 1) / align * align;
    /* Some systems promise more memory than they have, and would kill the process while it clears a big block. */
    if ((bytes >= BIG && bytes > clr_memory_available()) || posix_memalign(&memory, align, bytes ? bytes : align))
        fail(count, size);
#ifdef MADV_HUGEPAGE
    if (bytes >= BIG)
        madvise(memory, bytes, MADV_HUGEPAGE); /* where it is refused, pages are small */
#endif
    clear(memory, bytes);
    return memory;
}

char *clr_copy_text(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(clr_alloc(bytes, 1), text, bytes);
}

char *clr_text(const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CLR_CHECK(n >= 0);
    char *text = clr_alloc((size_t)n + 1, 1);
    vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

void clr_free(void *memory)
{
    free(memory);
}

uint64_t clr_alloc_count(void)
{
    return atomic_load(&allocations);
}

uint64_t clr_memory_peak(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

size_t clr_arena_reserve(clr_arena *arena, size_t bytes)
{
    size_t offset = arena->bytes;

    CLR_CHECK(!arena->base);
    arena->bytes += (bytes + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN;
    return offset;
}

void clr_arena_open(clr_arena *arena)
{
    arena->base = clr_alloc(arena->bytes, 1);
}

void *clr_arena_at(const clr_arena *arena, size_t offset)
{
    CLR_CHECK(arena->base && offset <= arena->bytes);
    return arena->base + offset;
}

void clr_arena_close(clr_arena *arena)
{
    clr_free(arena->base);
    *arena = (clr_arena){0};
}
