/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_MEM_H
#define CLR_MEM_H
/* Memory: aligned blocks, counted, and planned arenas. After a run's first step the count of
   allocations must not move. */

#include "clr/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLR_ALIGN = 64 };

/* bytes, rounded up to a multiple of CLR_ALIGN. */
static inline size_t clr_aligned(size_t bytes)
{
    return (bytes + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN;
}

/* Local. size bytes, zeroed, aligned to CLR_ALIGN; never NULL: what would not fit, or is refused, ends the program
   with one sentence that says how much was asked for and how much is there (clr_alloc_failure). What depends on
   options or data is compared with clr_memory_budget before, so that this is an error like any other. count * size is
   checked for overflow. Freed by clr_free. */
void *clr_alloc(size_t count, size_t size);
#define CLR_NEW(type, count) ((type *)clr_alloc((size_t)(count), sizeof(type)))

/* Local. A copy of text on the heap, freed by clr_free. */
char *clr_copy_text(const char *text);

/* Local. printf into a string on the heap, freed by clr_free. */
char *clr_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Local. Accepts NULL. */
void clr_free(void *memory);

/* How often clr_alloc was called in this process. */
uint64_t clr_alloc_count(void);

/* Who ends the program when memory is out, given the sentence; must not return, and must not allocate. Without one,
   the sentence goes to stderr and the exit status is 1. Any thread may be the one that calls it. */
void clr_alloc_failure(void (*end)(const char *sentence));

/* Bytes, and what it is that leaves no more: "the free memory of the machine", "control group /...",
   "SLURM_MEM_PER_CPU", "ulimit -v". */
typedef struct clr_budget {
    uint64_t bytes;
    char by[128];
} clr_budget;

/* Local. The memory that one process can still take, where `sharing` processes of this program run on this node, and
   the limit that decides. Three limits are shared by these processes: the machine's available memory, the limits of
   the control group and of the groups above it, and Slurm's memory for the job on this node. `ulimit -v` and
   `ulimit -d` hold for each process. Limits are found once; what is in use is read again at every call. */
clr_budget clr_memory_budget(int sharing);
clr_budget clr_memory_budget_under(const char *root,
                                   int sharing); /* the same, from files under root instead of "": for tests */
uint64_t clr_memory_available(void);             /* bytes for one process */

/* The largest resident size of this process so far, bytes. */
uint64_t clr_memory_peak(void);

/* An arena: reserve every part first, then clr_arena_open allocates one block, and clr_arena_at gives the parts.
   Offsets are multiples of CLR_ALIGN. Local. */
typedef struct clr_arena {
    char *base;
    size_t bytes;
} clr_arena;

size_t clr_arena_reserve(clr_arena *arena, size_t bytes); /* returns the part's offset */
void clr_arena_open(clr_arena *arena);
void *clr_arena_at(const clr_arena *arena, size_t offset);
void clr_arena_close(clr_arena *arena);

/* Live ranges: blocks of memory that are needed only between two time steps, numbered by the caller, or in two such
   ranges. Blocks whose ranges do not overlap may share memory. */
typedef struct clr_live_range {
    size_t bytes, offset;
    int from[2], to[2]; /* inclusive; from > to: no such range */
} clr_live_range;

typedef struct clr_live_ranges {
    clr_live_range *range;
    int count, capacity;
} clr_live_ranges;

/* Local. Adds a block needed from step `from` to step `to`; returns its number. _second: needed in a second range as
   well. _place: fills every offset, a multiple of CLR_ALIGN; returns the bytes of all together. */
int clr_live_ranges_add(clr_live_ranges *ranges, size_t bytes, int from, int to);
void clr_live_ranges_add_second(clr_live_ranges *ranges, int number, int from, int to);
size_t clr_live_ranges_place(clr_live_ranges *ranges);
void clr_live_ranges_close(clr_live_ranges *ranges);

#endif
