/* Counted, aligned memory. */
#include "clr/mem.h"

#include "clr/err.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static atomic_uint_fast64_t allocations;

void *clr_alloc(size_t count, size_t size)
{
    void *memory = NULL;
    size_t bytes;

    atomic_fetch_add(&allocations, 1);
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - CLR_ALIGN) {
        fprintf(stderr, "simclr: %zu x %zu bytes cannot be allocated\n", count, size);
        abort();
    }
    bytes = (bytes + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN;
    if (posix_memalign(&memory, CLR_ALIGN, bytes ? bytes : CLR_ALIGN)) {
        fprintf(stderr, "simclr: out of memory: %zu bytes wanted\n", bytes);
        abort();
    }
    return memset(memory, 0, bytes);
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

/* A number from the first line of a file, or from the line that starts with key; UINT64_MAX where there
   is none ("max" in a control group's file is none). */
static uint64_t number_in(const char *path, const char *key)
{
    char line[256];
    uint64_t value = UINT64_MAX;
    FILE *file = fopen(path, "r");

    if (!file)
        return value;
    while (fgets(line, sizeof line, file)) {
        unsigned long long n;
        if (strncmp(line, key, strlen(key)) || sscanf(line + strlen(key), "%llu", &n) != 1)
            continue;
        value = n;
        break;
    }
    fclose(file);
    return value;
}

static uint64_t group_available(void)
{
    static const struct {
        const char *limit, *used;
    } groups[] = {
        {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"},
    };

    for (size_t i = 0; i < 2; i++) {
        uint64_t limit = number_in(groups[i].limit, ""), used = number_in(groups[i].used, "");
        if (limit != UINT64_MAX && used != UINT64_MAX)
            return limit > used ? limit - used : 0;
    }
    return UINT64_MAX;
}

uint64_t clr_memory_available(void)
{
    uint64_t machine = number_in("/proc/meminfo", "MemAvailable:"), group = group_available();

    if (machine != UINT64_MAX)
        machine *= 1024;
    return machine < group ? machine : group;
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
