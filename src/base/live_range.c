/* SPDX-License-Identifier: BSD-3-Clause */
/* First fit: blocks are placed from the largest to the smallest, each at the lowest offset that no block with an
   overlapping range takes. The whole is within a few percent of the most that is needed at any step. */
#include "clr/mem.h"

#include <stdlib.h>
#include <string.h>

int clr_live_ranges_add(clr_live_ranges *ranges, size_t bytes, int from, int to)
{
    if (ranges->count == ranges->capacity) {
        ranges->capacity = 2 * ranges->capacity + 64;
        clr_live_range *larger = CLR_NEW(clr_live_range, ranges->capacity);
        if (ranges->count)
            memcpy(larger, ranges->range, (size_t)ranges->count * sizeof *larger);
        clr_free(ranges->range);
        ranges->range = larger;
    }
    ranges->range[ranges->count] =
        (clr_live_range){.bytes = (bytes + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN, .from = {from, 1}, .to = {to, 0}};
    return ranges->count++;
}

void clr_live_ranges_add_second(clr_live_ranges *ranges, int number, int from, int to)
{
    ranges->range[number].from[1] = from;
    ranges->range[number].to[1] = to;
}

static bool overlap(const clr_live_range *a, const clr_live_range *b)
{
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (a->from[i] <= a->to[i] && b->from[j] <= b->to[j] && a->from[i] <= b->to[j] && b->from[j] <= a->to[i])
                return true;
    return false;
}

static int by_size(const void *a, const void *b)
{
    const clr_live_range *x = *(clr_live_range *const *)a, *y = *(clr_live_range *const *)b;

    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : 1;
}

static int by_offset(const void *a, const void *b)
{
    const clr_live_range *x = *(clr_live_range *const *)a, *y = *(clr_live_range *const *)b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

size_t clr_live_ranges_place(clr_live_ranges *ranges)
{
    int n = ranges->count;
    clr_live_range **order = CLR_NEW(clr_live_range *, n + 1), **others = CLR_NEW(clr_live_range *, n + 1);
    size_t total = 0;

    for (int i = 0; i < n; i++)
        order[i] = &ranges->range[i];
    qsort(order, (size_t)n, sizeof *order, by_size);
    for (int i = 0; i < n; i++) {
        int count = 0;
        order[i]->offset = 0;
        for (int j = 0; j < i; j++)
            if (overlap(order[i], order[j]))
                others[count++] = order[j];
        qsort(others, (size_t)count, sizeof *others, by_offset);
        for (int j = 0; j < count && order[i]->offset + order[i]->bytes > others[j]->offset; j++)
            if (others[j]->offset + others[j]->bytes > order[i]->offset)
                order[i]->offset = others[j]->offset + others[j]->bytes;
        total = order[i]->offset + order[i]->bytes > total ? order[i]->offset + order[i]->bytes : total;
    }
    clr_free(order);
    clr_free(others);
    return total;
}

void clr_live_ranges_close(clr_live_ranges *ranges)
{
    clr_free(ranges->range);
    *ranges = (clr_live_ranges){0};
}
