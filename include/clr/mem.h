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

/* Local. size bytes, zeroed, aligned to CLR_ALIGN; never NULL (a failure says how much was wanted and
   aborts; what could be too big for the machine is checked with clr_memory_available before).
   count * size is checked for overflow. Freed by clr_free. */
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

/* Bytes that this process could still take, together with others of its control group: the least of the machine's
   available memory, of what the limits of its control group and of those above leave, and of what Slurm gave the job on
   a node. */
uint64_t clr_memory_available(void);
uint64_t clr_memory_available_under(const char *root); /* the same, from files under root instead of "": for tests */

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
