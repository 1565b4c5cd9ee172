/* SPDX-License-Identifier: BSD-3-Clause */
/* What somebody may have meant. */
#include "clr/opt.h"

#include <string.h>

/* Edits (insert, delete, replace, swap neighbours) from a to b. */
static int distance(const char *a, const char *b)
{
    enum { MOST = 48 };
    int rows[3][MOST + 1], n = (int)strlen(b), *before = rows[0], *last = rows[1], *now = rows[2];

    if (n > MOST || strlen(a) > MOST)
        return MOST;
    for (int j = 0; j <= n; j++)
        last[j] = before[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        now[0] = i;
        for (int j = 1; j <= n; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        int *oldest = before;
        before = last, last = now, now = oldest;
    }
    return last[n];
}

const char *clr_opt_nearest(const char *word, const char *const *words, int n)
{
    const char *found = NULL;
    int best = 3 + (int)strlen(word) / 8;

    for (int i = 0; i < n; i++) {
        int d = distance(word, words[i]);
        if (strlen(word) >= 3 && !strncmp(word, words[i], strlen(word)))
            d = 1;
        if (d < best && d < (int)strlen(words[i]))
            best = d, found = words[i];
    }
    return found;
}
