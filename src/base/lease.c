/* Pieces that are never in use at the same time may lie in the same place. Placed from the largest to the smallest, each at the lowest
   offset where it meets nobody who lives when it does: within a few percent of the most that is in use at any moment. */
#include "clr/mem.h"

#include <stdlib.h>

int clr_leases_add(clr_leases *leases, size_t bytes, int from, int to)
{
    if (leases->count == leases->room) {
        leases->room = 2 * leases->room + 64;
        leases->lease = realloc(leases->lease, (size_t)leases->room * sizeof *leases->lease);
        CLR_CHECK(leases->lease);
    }
    leases->lease[leases->count] = (clr_lease){.bytes = (bytes + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN, .from = {from, 1}, .to = {to, 0}};
    return leases->count++;
}

void clr_leases_again(clr_leases *leases, int piece, int from, int to)
{
    leases->lease[piece].from[1] = from;
    leases->lease[piece].to[1] = to;
}

static bool meet(const clr_lease *a, const clr_lease *b)
{
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (a->from[i] <= a->to[i] && b->from[j] <= b->to[j] && a->from[i] <= b->to[j] && b->from[j] <= a->to[i])
                return true;
    return false;
}

static int by_size(const void *a, const void *b)
{
    const clr_lease *x = *(clr_lease *const *)a, *y = *(clr_lease *const *)b;

    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : 1;
}

static int by_place(const void *a, const void *b)
{
    const clr_lease *x = *(clr_lease *const *)a, *y = *(clr_lease *const *)b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

size_t clr_leases_place(clr_leases *leases)
{
    int n = leases->count;
    clr_lease **order = CLR_NEW(clr_lease *, n + 1), **others = CLR_NEW(clr_lease *, n + 1);
    size_t total = 0;

    for (int i = 0; i < n; i++)
        order[i] = &leases->lease[i];
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

void clr_leases_close(clr_leases *leases)
{
    free(leases->lease);
    *leases = (clr_leases){0};
}
