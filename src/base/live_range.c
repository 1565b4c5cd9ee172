/* Pieces that are never in use at the same time may lie in the same place. Placed from the largest to the smallest, each at the lowest
   offset where it meets nobody who lives when it does: within a few percent of the most that is in use at any moment. */
#include "clr/mem.h"

#include <stdlib.h>

int clr_live_ranges_add(clr_live_ranges *ranges, size_t bytes, int from, int to)
{
    if (ranges->count == ranges->room) {
        ranges->room = 2 * ranges->room + 64;
        ranges->range = realloc(ranges->range, (size_t)ranges->room * sizeof *ranges->range);
        CLR_CHECK(ranges->range);
    }
    ranges->range[ranges->count] = (clr_live_range){.bytes = (bytes + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN, .from = {from, 1}, .to = {to, 0}};
    return ranges->count++;
}

void clr_live_ranges_add_second(clr_live_ranges *ranges, int piece, int from, int to)
{
    ranges->range[piece].from[1] = from;
    ranges->range[piece].to[1] = to;
}

static bool meet(const clr_live_range *a, const clr_live_range *b)
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

static int by_place(const void *a, const void *b)
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
        int met = 0;
        order[i]->offset = 0;
        for (int j = 0; j < i; j++)
            if (meet(order[i], order[j]))
                others[met++] = order[j];
        qsort(others, (size_t)met, sizeof *others, by_place);
        for (int j = 0; j < met && order[i]->offset + order[i]->bytes > others[j]->offset; j++)
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
    free(ranges->range);
    *ranges = (clr_live_ranges){0};
}
