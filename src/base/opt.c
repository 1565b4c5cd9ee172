/* SPDX-License-Identifier: BSD-3-Clause */
/* Option tables. Texts are kept as given until clr_opt_finish turns them into the struct's fields, so that sources
   can be layered: default < preset < file < command line. */
#include "opt_set.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <string.h>

/* Rows of all parts. */
static int count(const clr_opt_part *parts)
{
    int n = 0;

    for (; parts->rows; parts++)
        for (const clr_opt *row = parts->rows; row->name; row++)
            n++;
    return n;
}

/* The part's own defaults, "name = value\n" each, to rows from `first` on. */
static void set_defaults(clr_opt_set *set, const char *lines, int first)
{
    while (lines && *lines) {
        size_t name = strcspn(lines, " "), line = strcspn(lines, "\n");
        const char *value = lines + name + strlen(" = ");
        int i = first;
        while (i < set->options && (strncmp(set->table[i].name, lines, name) || set->table[i].name[name]))
            i++;
        CLR_CHECK(i < set->options && line > name);
        set->table[i].initial = set->initial[i] = clr_text("%.*s", (int)(lines + line - value), value);
        lines += line + (lines[line] == '\n');
    }
}

void clr_opt_open(clr_opt_set *set, const clr_opt_part *parts, void *into)
{
    int most = count(parts);

    *set = (clr_opt_set){.into = into};
    set->table = CLR_NEW(clr_opt, most + 1);
    set->text = CLR_NEW(char *, most + 1);
    set->initial = CLR_NEW(char *, most + 1);
    set->source = CLR_NEW(clr_opt_source, most + 1);
    for (; parts->rows; parts++) {
        int first = set->options;
        for (const clr_opt *row = parts->rows; row->name; row++) {
            CLR_CHECK(clr_opt_find(set, row->name) < 0);
            set->table[set->options] = *row;
            set->table[set->options++].offset += parts->offset;
        }
        set_defaults(set, parts->defaults, first);
    }
    for (int i = 0; i < set->options; i++)
        if (set->table[i].initial)
            set->text[i] = clr_copy_text(set->table[i].initial);
}

void clr_opt_close(clr_opt_set *set)
{
    for (int i = 0; i < set->options; i++) {
        clr_free(set->text[i]);
        clr_free(set->initial[i]);
    }
    clr_free(set->table);
    clr_free(set->text);
    clr_free(set->initial);
    clr_free(set->source);
    clr_free(set->argument);
    *set = (clr_opt_set){0};
}

int clr_opt_find(const clr_opt_set *set, const char *name)
{
    for (int i = 0; i < set->options; i++)
        if (!strcmp(set->table[i].name, name))
            return i;
    return -1;
}

clr_status clr_opt_unknown(const clr_opt_set *set, const char *name, const char *origin)
{
    const char **words = CLR_NEW(const char *, set->options + 2);
    int n = set->options;

    for (int i = 0; i < n; i++)
        words[i] = set->table[i].name;
    if (!origin) {
        words[n++] = "config";
        words[n++] = "help";
        origin = "command line";
    }
    const char *near = clr_opt_synonym(name);
    if (!near || clr_opt_find(set, near) < 0)
        near = clr_opt_nearest(name, words, n);
    clr_free(words);
    if (near)
        return clr_fail(CLR_EUSAGE, "%s: there is no option '%s'; did you mean '%s'?", origin, name, near);
    return clr_fail(CLR_EUSAGE, "%s: there is no option '%s' (--help lists them)", origin, name);
}

void clr_opt_put(clr_opt_set *set, int i, const char *value, clr_opt_source source)
{
    if (source < set->source[i])
        return;
    clr_free(set->text[i]);
    set->text[i] = clr_copy_text(value);
    set->source[i] = source;
}

void clr_opt_twice(const clr_opt *opt, const char *where, const char *first, const char *second)
{
    if (!clr_opt_alike(opt, first, second))
        clr_warn_once(opt->name, "%s: '%s' is given twice, %s and then %s; the second counts", where, opt->name, first,
                      second);
}

/* A word of the command line sets row i. */
static void take(clr_opt_set *set, int i, const char *value)
{
    if (set->source[i] == CLR_OPT_LINE)
        clr_opt_twice(&set->table[i], "command line", set->text[i], value);
    clr_opt_put(set, i, value, CLR_OPT_LINE);
}

clr_status clr_opt_read_line(clr_opt_set *set, int argc, char **argv)
{
    bool options = true;

    set->argument = CLR_NEW(const char *, argc + 1);
    for (int a = 0; a < argc; a++) {
        const char *word = argv[a];
        if (options && !strcmp(word, "--")) {
            options = false;
            continue;
        }
        if (!options || word[0] != '-' || !word[1]) {
            set->argument[set->arguments++] = word;
            continue;
        }
        if (word[1] != '-')
            return clr_fail(CLR_EUSAGE, "'%s': options are written '--name=value'", word);
        size_t length = strcspn(word + 2, "=");
        char *name = clr_text("%.*s", (int)length, word + 2);
        const char *value = word[2 + length] ? word + 3 + length : NULL;
        int i = clr_opt_find(set, name);
        bool negated = i < 0 && !strncmp(name, "no-", 3) && !value && (i = clr_opt_find(set, name + 3)) >= 0 &&
                       set->table[i].kind == CLR_OPT_FLAG;
        clr_status st = CLR_OK;
        if (i < 0)
            st = clr_opt_unknown(set, name, NULL);
        else if (set->table[i].kind == CLR_OPT_FLAG && !value)
            take(set, i, negated ? "no" : "yes");
        else if (value || a + 1 < argc)
            take(set, i, value ? value : argv[++a]);
        else
            st = clr_fail(CLR_EUSAGE, "--%s needs a value", name);
        clr_free(name);
        if (st != CLR_OK)
            return st;
    }
    return CLR_OK;
}

const char *clr_opt_value(const clr_opt_set *set, const char *name)
{
    int i = clr_opt_find(set, name);
    return i < 0 ? NULL : set->text[i];
}

clr_opt_source clr_opt_given(const clr_opt_set *set, const char *name)
{
    int i = clr_opt_find(set, name);
    return i < 0 ? CLR_OPT_DEFAULT : set->source[i];
}

bool clr_opt_listed(const char *name, const char *list)
{
    for (; list && *list; list += strcspn(list, ","), list += *list == ',')
        if (strcspn(list, ",") == strlen(name) && !strncmp(list, name, strlen(name)))
            return true;
    return false;
}

clr_status clr_opt_known(const clr_opt_set *set, const char *option)
{
    const char *list = clr_opt_value(set, option);
    clr_status st = CLR_OK;

    for (; list && *list && st == CLR_OK; list += strcspn(list, ","), list += *list == ',') {
        char *name = clr_text("%.*s", (int)strcspn(list, ","), list), *where = clr_text("--%s", option);
        if (clr_opt_find(set, name) < 0)
            st = clr_opt_unknown(set, name, where);
        clr_free(name);
        clr_free(where);
    }
    return st;
}

void clr_opt_help(FILE *out, const clr_opt_part *parts)
{
    static const char *const kinds[] = {"yes|no", "N", "N", "X", "TEXT", "", "TEXT"};
    const clr_opt *row = parts->rows;
    clr_opt_set set;

    clr_opt_open(&set, parts, NULL);
    for (const clr_opt *opt = set.table; opt->name; opt++, row++) {
        if (!row->name)
            row = (++parts)->rows;
        if (parts->title && row == parts->rows)
            fprintf(out, "%s\n", parts->title);
        fprintf(out, "  --%s%s%s\n      %s", opt->name, opt->kind == CLR_OPT_FLAG ? "" : "=",
                opt->kind == CLR_OPT_FLAG ? ""
                : opt->values             ? opt->values
                                          : kinds[opt->kind],
                opt->help);
        if (opt->initial && *opt->initial)
            fprintf(out, " [%s]", opt->initial);
        if (opt->only)
            fprintf(out, " (only with --%s)", opt->only);
        fputc('\n', out);
    }
    clr_opt_close(&set);
}
