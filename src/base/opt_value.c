/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts of options to fields of the command's struct, and their comparison with the options of an earlier run. */
#include "opt_set.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Whether word is one of "a|b|c": its place, or -1. */
static int place(const char *word, const char *words)
{
    size_t length = strlen(word);

    for (int i = 0;; i++, words++) {
        size_t here = strcspn(words, "|");
        if (here == length && !strncmp(word, words, length))
            return i;
        words += here;
        if (!*words)
            return -1;
    }
}

/* "12", "1e-6", "1/4". */
static bool real(const char *text, double *value)
{
    char *end;

    errno = 0;
    *value = strtod(text, &end);
    if (end != text && *end == '/') {
        const char *below = end + 1;
        double divisor = strtod(below, &end);
        if (end == below || divisor == 0)
            return false;
        *value /= divisor;
    }
    return end != text && !*end && !errno && isfinite(*value);
}

static clr_status wrong(const clr_opt *opt, const char *text)
{
    if (opt->low != opt->high)
        return clr_fail(CLR_EUSAGE, "--%s=%s: must be %s from %.10g to %.10g", opt->name, text,
                        opt->kind == CLR_OPT_REAL ? "a number" : "a whole number", opt->low, opt->high);
    return clr_fail(CLR_EUSAGE, "--%s=%s: must be %s", opt->name, text,
                    opt->kind == CLR_OPT_FLAG   ? "yes or no"
                    : opt->kind == CLR_OPT_INT  ? "a whole number"
                    : opt->kind == CLR_OPT_LONG ? "a whole number"
                    : opt->kind == CLR_OPT_REAL ? "a number"
                                                : opt->values);
}

static clr_status convert(const clr_opt *opt, const char *text, void *field)
{
    double number;
    int word;

    switch (opt->kind) {
    case CLR_OPT_TEXT: *(const char **)field = text; return CLR_OK;
    case CLR_OPT_PARSED: return opt->parse(text, field);
    case CLR_OPT_WORD:
        if (!text || (word = place(text, opt->values)) < 0)
            return wrong(opt, text ? text : "");
        *(int *)field = word;
        return CLR_OK;
    case CLR_OPT_FLAG:
        word = text ? place(text, "no|yes|0|1|false|true|off|on") : -1;
        if (word < 0)
            return wrong(opt, text ? text : "");
        *(bool *)field = word & 1;
        return CLR_OK;
    default:
        if (!text || !real(text, &number) || (opt->low != opt->high && (number < opt->low || number > opt->high)))
            return wrong(opt, text ? text : "");
        if (opt->kind == CLR_OPT_REAL)
            *(double *)field = number;
        else if (number != floor(number) || fabs(number) > 0x1p53)
            return wrong(opt, text);
        else if (opt->kind == CLR_OPT_LONG)
            *(int64_t *)field = (int64_t)number;
        else if (fabs(number) > INT_MAX)
            return wrong(opt, text);
        else
            *(int *)field = (int)number;
        return CLR_OK;
    }
}

/* opt->only is "name=word|word". */
static bool holds(const clr_opt_set *set, const char *only)
{
    char *name = clr_copy_text(only);
    char *equals = strchr(name, '=');

    CLR_CHECK(equals);
    *equals = 0;
    const char *given = clr_opt_value(set, name);
    char *value = clr_copy_text(given ? given : "");
    bool yes = false;
    for (char *word = value, *next; word && given; word = next) { /* a list: one of its words is enough */
        next = strchr(word, ',');
        if (next)
            *next++ = 0;
        yes = yes || place(word, equals + 1) >= 0;
    }
    clr_free(value);
    clr_free(name);
    return yes;
}

clr_status clr_opt_finish(clr_opt_set *set)
{
    for (int i = 1; i < set->options; i++)
        if (set->table[i].flags & CLR_OPT_OVERRIDDEN_BY && set->source[i] < set->source[i - 1])
            clr_opt_put(set, i, set->table[i].initial, set->source[i]);
    for (int i = 0; i < set->options; i++) {
        const clr_opt *opt = &set->table[i];
        clr_status st = convert(opt, set->text[i], (char *)set->into + opt->offset);
        if (st != CLR_OK)
            return st;
    }
    for (int i = 0; i < set->options; i++) {
        const clr_opt *opt = &set->table[i];
        if (opt->only && set->source[i] >= CLR_OPT_FILE && !holds(set, opt->only)) {
            bool same = (!set->text[i] && !opt->initial) ||
                        (set->text[i] && opt->initial && !strcmp(set->text[i], opt->initial));
            if (set->source[i] == CLR_OPT_FILE && same)
                continue; /* a resolved config lists everything */
            return clr_fail(CLR_EUSAGE, "--%s has no effect here: it needs --%s", opt->name, opt->only);
        }
    }
    return CLR_OK;
}

bool clr_opt_alike(const clr_opt *opt, const char *a, const char *b)
{
    double x = 0, y = 0;

    if (!a || !b)
        return !a && !b;
    if (opt->kind == CLR_OPT_FLAG) {
        const char *words = "no|yes|0|1|false|true|off|on";
        return (place(a, words) & 1) == (place(b, words) & 1);
    }
    if (opt->kind == CLR_OPT_INT || opt->kind == CLR_OPT_LONG || opt->kind == CLR_OPT_REAL)
        return real(a, &x) && real(b, &y) && x == y;
    return !strcmp(a, b);
}

clr_status clr_opt_compare(const clr_opt_set *set, const char *earlier, const char *allowed)
{
    clr_opt_set old;
    const clr_opt_part parts[] = {{.rows = set->table}, {0}};
    char *differences = NULL;

    clr_opt_open(&old, parts, NULL);
    clr_status st = clr_opt_read_text(&old, earlier, "earlier config", CLR_OPT_FILE);
    if (st != CLR_OK) {
        clr_opt_close(&old);
        return clr_fail_in(st, "the run was made by another version or subcommand");
    }
    for (int i = 0; i < set->options; i++) {
        const clr_opt *opt = &set->table[i];
        if (!(opt->flags & CLR_OPT_IDENTITY) || clr_opt_alike(opt, set->text[i], old.text[i]) ||
            clr_opt_listed(opt->name, allowed))
            continue;
        char *longer = clr_text("%s%s%s: %s -> %s", differences ? differences : "", differences ? ", " : "", opt->name,
                                old.text[i] ? old.text[i] : "(none)", set->text[i] ? set->text[i] : "(none)");
        clr_free(differences);
        differences = longer;
    }
    if (differences)
        st = clr_fail(CLR_ECONFIG, "%s", differences);
    clr_free(differences);
    clr_opt_close(&old);
    return st;
}
