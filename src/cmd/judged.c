/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads files of predictions: lines of columns, cut at their tabs. */
#include "judged.h"

#include "clr/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void clr_judged_free(clr_judged *j)
{
    for (int64_t i = 0; i < j->rows; i++)
        free(j->line[i]);
    clr_free(j->line);
    clr_free(j->image);
    clr_free(j->label);
    clr_free(j->chosen);
    free(j->header);
}

/* Cuts a line at its tabs. Returns the number of columns; the first `most` are filled in. */
static int cut(char *line, char **column, int most)
{
    int n = 0;

    line[strcspn(line, "\r\n")] = 0;
    for (char *at = line; at; n++) {
        char *tab = strchr(at, '\t');
        if (n < most)
            column[n] = at;
        if (tab)
            *tab++ = 0;
        at = tab;
    }
    return n;
}

enum { COLUMNS = 32, NAMED = 3 /* number, name, class */ };

/* The column of the method that is wanted. */
static clr_status find_method(clr_judged *j, const char *wanted, int *columns, int *at)
{
    char *column[COLUMNS];
    int n = j->header ? cut(j->header, column, COLUMNS) : 0;

    if (n <= NAMED || n > COLUMNS || strcmp(column[0], "#image"))
        return clr_fail(CLR_EINPUT, "%s: is no file of predictions; simclr probe --predictions=FILE writes them",
                        j->path);
    *columns = n;
    *at = NAMED;
    while (wanted && *at < n && strcmp(column[*at], wanted))
        (*at)++;
    if (*at == n)
        return clr_fail(CLR_EUSAGE, "--method=%s: %s has no such predictions, but those of %s%s%s", wanted, j->path,
                        column[NAMED], n > NAMED + 1 ? ", " : "", n > NAMED + 1 ? column[NAMED + 1] : "");
    j->method = column[*at];
    return CLR_OK;
}

static void *longer(void *array, int64_t n, int64_t room)
{
    char **larger = CLR_NEW(char *, room);

    if (n)
        memcpy(larger, array, (size_t)n * sizeof *larger);
    clr_free(array);
    return larger;
}

static clr_status read_rows(clr_judged *j, FILE *file, const char *wanted)
{
    char *column[COLUMNS], *line = NULL;
    size_t room = 0;
    int columns = 0, at = 0;

    if (getline(&j->header, &room, file) < 0)
        clearerr(file);
    clr_status st = find_method(j, wanted, &columns, &at);
    for (room = 0; st == CLR_OK && getline(&line, &room, file) >= 0; line = NULL, room = 0) {
        int64_t n = j->rows;
        if (cut(line, column, COLUMNS) != columns) {
            st = clr_fail(CLR_EINPUT, "%s:%" PRId64 ": has not the %d columns of the first line", j->path, n + 2,
                          columns);
            break;
        }
        if (!(n & (n - 1))) { /* full: 0, 1, 2, 4, ... */
            int64_t more = n ? 2 * n : 1;
            j->line = longer(j->line, n, more), j->image = longer(j->image, n, more);
            j->label = longer(j->label, n, more), j->chosen = longer(j->chosen, n, more);
        }
        j->line[n] = line;
        j->image[n] = column[1], j->label[n] = column[2], j->chosen[n] = column[at];
        j->rows++;
    }
    free(line);
    if (st == CLR_OK && ferror(file))
        st = clr_fail(CLR_EIO, "%s: cannot be read: %s", j->path, strerror(errno));
    return st == CLR_OK && !j->rows ? clr_fail(CLR_EINPUT, "%s: has no test images", j->path) : st;
}

clr_status clr_judged_read(const char *path, const char *wanted, clr_judged *j)
{
    FILE *file = fopen(path, "r");

    *j = (clr_judged){.path = path};
    if (!file)
        return clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno));
    clr_status st = read_rows(j, file, wanted);
    fclose(file);
    return st;
}

clr_status clr_judged_same(const clr_judged *a, const clr_judged *b)
{
    if (a->rows != b->rows)
        return clr_fail(CLR_EINPUT,
                        "%s has %" PRId64 " test images and %s has %" PRId64
                        ": a comparison needs predictions of the same images",
                        a->path, a->rows, b->path, b->rows);
    for (int64_t i = 0; i < a->rows; i++)
        if (strcmp(a->image[i], b->image[i]) || strcmp(a->label[i], b->label[i]))
            return clr_fail(CLR_EINPUT,
                            "image %" PRId64 " is %s of class %s in %s, and %s of class %s in %s: a "
                            "comparison needs predictions of the same images",
                            i, a->image[i], a->label[i], a->path, b->image[i], b->label[i], b->path);
    return CLR_OK;
}
