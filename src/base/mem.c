/* Counted, aligned memory. */
#include "clr/mem.h"

#include "clr/err.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { BIG = 1 << 23, PIECE = 1 << 21 }; /* bytes; a piece is a huge page */

static atomic_uint_fast64_t allocations;

/* A page lies near the core that touches it first: of a big block each thread clears, and so gets, the part whose place is that of its
   share of the work. */
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

void *clr_alloc(size_t count, size_t size)
{
    void *memory = NULL;
    size_t bytes;

    atomic_fetch_add(&allocations, 1);
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - PIECE) {
        fprintf(stderr, "simclr: %zu x %zu bytes cannot be allocated\n", count, size);
        abort();
    }
    size_t align = bytes >= BIG ? PIECE : CLR_ALIGN;
    bytes = (bytes + align - 1) / align * align;
    if (posix_memalign(&memory, align, bytes ? bytes : align)) {
        fprintf(stderr, "simclr: out of memory: %zu bytes wanted\n", bytes);
        abort();
    }
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

/* One version of control groups: where its tree hangs, and what its files are called. */
typedef struct hierarchy {
    const char *mount, *limit, *used, *cache;
} hierarchy;

static const hierarchy versions[] = {
    {"sys/fs/cgroup", "memory.max", "memory.current", "inactive_file "},
    {"sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "},
};

static uint64_t number_at(const char *folder, const char *name, const char *key)
{
    char *path = clr_text("%s/%s", folder, name);
    uint64_t value = number_in(path, key);

    clr_free(path);
    return value;
}

/* What the group at folder leaves: the files' pages that nobody has touched lately can be taken back. */
static uint64_t left_in(const hierarchy *h, const char *folder)
{
    uint64_t limit = number_at(folder, h->limit, ""), used = number_at(folder, h->used, ""), cache = number_at(folder, "memory.stat", h->cache);

    if (limit == UINT64_MAX || used == UINT64_MAX)
        return UINT64_MAX;
    used -= cache == UINT64_MAX ? 0 : cache < used ? cache : used;
    return limit > used ? limit - used : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Of the group at path and of all above it. A path that is not there (a container sees only the end of it) is passed over. */
static uint64_t left_up(const hierarchy *h, const char *root, char *path)
{
    uint64_t left = UINT64_MAX;

    for (char *slash;; *slash = 0) {
        char *folder = clr_text("%s/%s%s", root, h->mount, path);
        left = least(left, left_in(h, folder));
        clr_free(folder);
        if (!(slash = strrchr(path, '/')))
            return left;
    }
}

/* The lines of /proc/self/cgroup: "0::/slurm/job_1/step_0", or "9:memory:/slurm/..." */
static uint64_t groups_left(const char *root)
{
    char *name = clr_text("%s/proc/self/cgroup", root), line[4096], *path;
    uint64_t left = UINT64_MAX;
    FILE *file = fopen(name, "r");

    clr_free(name);
    while (file && fgets(line, sizeof line, file)) {
        char *kinds = strchr(line, ':');
        if (!kinds || !(path = strchr(kinds + 1, ':')))
            continue;
        *path++ = 0;
        path[strcspn(path, "\n")] = 0;
        if (!strcmp(line, "0:") || strstr(kinds, "memory"))
            left = least(left, left_up(&versions[strcmp(line, "0:") != 0], root, path));
    }
    if (file)
        fclose(file);
    return left;
}

uint64_t clr_memory_available_under(const char *root)
{
    const char *slurm = getenv("SLURM_MEM_PER_NODE"); /* MiB; 0: all of the node's */
    unsigned long long job = slurm ? strtoull(slurm, NULL, 10) : 0;
    uint64_t machine = number_at(root, "proc/meminfo", "MemAvailable:"), left = groups_left(root);

    if (machine != UINT64_MAX)
        left = least(left, machine * 1024);
    return job ? least(left, (uint64_t)job << 20) : left;
}

uint64_t clr_memory_available(void)
{
    return clr_memory_available_under("");
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
