/* SPDX-License-Identifier: BSD-3-Clause */
/* One line per image: its path below the source, a tab, the reason. */
#include "refused.h"

#include "clr/mem.h"
#include "clr/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

clr_refused clr_refused_open(const char *out)
{
    size_t n = strlen(out);

    if (n > 3 && !strcmp(out + n - 3, ".h5"))
        n -= 3;
    return (clr_refused){.path = clr_text("%.*s.bad.tsv", (int)n, out)};
}

/* Tabs and line ends in a name would break the list. */
static void put(FILE *file, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' ? '?' : *text, file);
}

clr_status clr_refused_add(clr_refused *r, const char *name, const char *why)
{
    r->images++;
    if (!r->list) {
        int descriptor;
        clr_status st = clr_plain_open(r->path, O_WRONLY | O_CREAT | O_TRUNC, &descriptor);
        if (st != CLR_OK)
            return st;
        if (!(r->list = fdopen(descriptor, "w"))) {
            st = clr_fail(CLR_EIO, "%s: cannot be written: %s", r->path, strerror(errno));
            close(descriptor);
            return st;
        }
        fputs("# path\treason\n", r->list);
    }
    put(r->list, name);
    fputc('\t', r->list);
    put(r->list, why);
    fputc('\n', r->list);
    return CLR_OK;
}

clr_status clr_refused_end(clr_refused *r)
{
    FILE *list = r->list;

    r->list = NULL;
    if (!list)
        return CLR_OK;
    bool lost = ferror(list);
    int error = fclose(list) ? errno : lost ? EIO : 0;
    return error ? clr_fail(CLR_EIO, "%s: cannot be written: %s", r->path, strerror(error)) : CLR_OK;
}

void clr_refused_none(const clr_refused *r)
{
    if (!r->images)
        unlink(r->path);
}

void clr_refused_close(clr_refused *r)
{
    if (r->list)
        fclose(r->list);
    clr_free(r->path);
    *r = (clr_refused){0};
}
