/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include "clr/mem.h"
#include "clr/plain.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BYTES = 1 << 20 };

/* The rest of a line behind a word, without blanks around it; NULL: the line begins with another. */
static char *behind(char *line, const char *word)
{
    size_t n = strlen(word);

    line += strspn(line, "# \t");
    if (strncmp(line, word, n) || !strchr(": \t", line[n]))
        return NULL;
    line += n;
    line += strspn(line, ": \t");
    return *line ? line : NULL;
}

/* Whether text begins with that word. */
static bool begins(const char *text, const char *word)
{
    size_t n = strcspn(text, " \t");

    return n == strlen(word) && !strncmp(text, word, n);
}

static void read_comment(clr_table_file *t, const char *scale, char *line)
{
    char *text = behind(line, "title"), **place = text ? &t->title : &t->x;
    clr_table_paper p = {.x = NAN};

    if (!text)
        text = behind(line, "x");
    if (text && !*place)
        *place = clr_copy_text(text);
    text = behind(line, "scale");
    t->scales += text != NULL;
    t->has_scale |= text && begins(text, scale);
    text = behind(line, "paper");
    if (text && sscanf(text, "%127s %lf %lf", p.row, &p.top1, &p.x) >= 2)
        t->paper[t->papers++] = p;
}

/* Whether a row counts at that scale: no word only:OTHER is in it. */
static bool counts(const char *line, const char *scale)
{
    static const char only[] = "only:";

    for (const char *word = line; *word; word += strspn(word, " \t")) {
        if (!strncmp(word, only, strlen(only)) && !begins(word + strlen(only), scale))
            return false;
        word += strcspn(word, " \t");
    }
    return true;
}

static clr_status read_row(clr_table_file *t, const char *path, const char *line)
{
    size_t n = strcspn(line, " \t");
    char *name = clr_text("%.*s", (int)n, line);
    bool good = *name && *name != '-' && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");

    t->row[t->rows++] = name;
    return good ? CLR_OK
                : clr_fail(CLR_EINPUT, "%s: a row begins with '%s', which is no name of a folder of its own", path,
                           name);
}

clr_status clr_table_file_read(const char *path, const char *scale, clr_table_file *t)
{
    char *text = NULL, *rest = NULL;
    int lines = 1;

    *t = (clr_table_file){0};
    clr_status st = clr_plain_read(path, BYTES, &text);
    if (st == CLR_OK && !text)
        st = clr_fail(CLR_EIO, "%s: %s", path, strerror(ENOENT));
    if (st != CLR_OK)
        return st;
    for (const char *at = text; *at; at++)
        lines += *at == '\n' || *at == '\r';
    t->row = CLR_NEW(char *, lines);
    t->paper = CLR_NEW(clr_table_paper, lines);
    char *start = text + (strncmp(text, "\xef\xbb\xbf", 3) ? 0 : 3);
    for (char *line = strtok_r(start, "\r\n", &rest); line && st == CLR_OK; line = strtok_r(NULL, "\r\n", &rest)) {
        line += strspn(line, " \t");
        if (*line == '#')
            read_comment(t, scale, line);
        else if (*line && counts(line, scale))
            st = read_row(t, path, line);
    }
    if (st == CLR_OK && t->scales && !t->has_scale)
        st = clr_fail(CLR_EINPUT, "%s: has no scale '%s'; --scale is one that a line '# scale' of it names", path,
                      scale);
    if (st == CLR_OK && !t->rows)
        st = clr_fail(CLR_EINPUT, "%s: has no row: a name, then options of simclr pretrain", path);
    clr_free(text);
    return st;
}

void clr_table_file_free(clr_table_file *t)
{
    for (int i = 0; i < t->rows; i++)
        clr_free(t->row[i]);
    clr_free(t->row);
    clr_free(t->paper);
    clr_free(t->title);
    clr_free(t->x);
    *t = (clr_table_file){0};
}

const clr_table_paper *clr_table_file_paper(const clr_table_file *t, const char *row)
{
    for (int i = 0; i < t->papers; i++)
        if (!strcmp(t->paper[i].row, row))
            return &t->paper[i];
    return NULL;
}
