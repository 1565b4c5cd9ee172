/* Option tables. Texts are kept as given until clr_opt_finish turns them into the struct's fields, so that sources can be
   layered: default < preset < file < command line. */
#include "clr/opt.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void clr_opt_open(clr_opt_set *set, const clr_opt *table, void *into)
{
    int n = 0;

    while (table[n].name)
        n++;
    *set = (clr_opt_set){.table = table, .into = into, .options = n};
    set->text = CLR_NEW(char *, n + 1);
    set->source = CLR_NEW(clr_opt_source, n + 1);
    for (int i = 0; i < n; i++)
        if (table[i].initial)
            set->text[i] = clr_copy_text(table[i].initial);
}

void clr_opt_close(clr_opt_set *set)
{
    for (int i = 0; i < set->options; i++)
        clr_free(set->text[i]);
    clr_free(set->text);
    clr_free(set->source);
    clr_free(set->argument);
    *set = (clr_opt_set){0};
}

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

static int find(const clr_opt_set *set, const char *name)
{
    for (int i = 0; i < set->options; i++)
        if (!strcmp(set->table[i].name, name))
            return i;
    return -1;
}

/* origin: a file and its line; NULL: the command line, which has options beside the table's. */
static clr_status unknown(const clr_opt_set *set, const char *name, const char *origin)
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
    const char *near = clr_opt_nearest(name, words, n);
    clr_free(words);
    if (near)
        return clr_fail(CLR_EUSAGE, "%s: there is no option '%s'; did you mean '%s'?", origin, name, near);
    return clr_fail(CLR_EUSAGE, "%s: there is no option '%s' (--help lists them)", origin, name);
}

static void put(clr_opt_set *set, int i, const char *value, clr_opt_source source)
{
    if (source < set->source[i])
        return;
    clr_free(set->text[i]);
    set->text[i] = clr_copy_text(value);
    set->source[i] = source;
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    char *end = text + strlen(text);
    while (end > text && strchr(" \t\r", end[-1]))
        *--end = 0;
    return text;
}

/* Whether a text must be quoted to be read back as it is. */
static bool needs_quotes(const char *text)
{
    size_t n = strlen(text);

    for (const char *hash = strchr(text, '#'); hash; hash = strchr(hash + 1, '#'))
        if (hash == text || strchr(" \t", hash[-1]))
            return true;
    return n && (*text == '"' || strchr(" \t\r", *text) || strchr(" \t\r", text[n - 1]) || strchr(text, '\n'));
}

/* What stands after '=', in place: without blanks around it and a comment after it, and without its quotes. NULL: they do not close. */
static char *value_of(char *text)
{
    char *to = trim(text), *from = to + 1, *value = to;

    if (*value != '"') {
        for (char *hash = strchr(text, '#'); hash; hash = strchr(hash + 1, '#'))
            if (hash > text && strchr(" \t", hash[-1])) {
                *hash = 0;
                break;
            }
        return trim(text);
    }
    for (; *from && *from != '"'; from++) {
        bool escaped = *from == '\\' && from[1];
        from += escaped;
        *to++ = escaped && *from == 'n' ? '\n' : *from;
    }
    size_t blanks = *from ? strspn(from + 1, " \t\r") : 0;
    if (!*from || (from[1 + blanks] && (!blanks || from[1 + blanks] != '#')))
        return NULL;
    *to = 0;
    return value;
}

clr_status clr_opt_read_text(clr_opt_set *set, const char *lines, const char *origin, clr_opt_source source)
{
    char *copy = clr_copy_text(lines);
    clr_status st = CLR_OK;
    int number = 0;

    for (char *line = copy, *next; line && st == CLR_OK; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        number++;
        char *name = trim(line), *equals = strchr(name, '='), *value = NULL;
        if (!*name || *name == '#')
            continue;
        if (equals) {
            *equals = 0;
            value = value_of(equals + 1);
        }
        int i = find(set, trim(name));
        if (!equals)
            st = clr_fail(CLR_EUSAGE, "%s:%d: '%s' is not 'name = value'", origin, number, name);
        else if (i < 0 && source == CLR_OPT_PRESET)
            continue;
        else if (i < 0) {
            char *where = clr_text("%s:%d", origin, number);
            st = unknown(set, name, where);
            clr_free(where);
        } else if (!value)
            st = clr_fail(CLR_EUSAGE, "%s:%d: the quotes around the value of '%s' do not close at its end", origin, number, name);
        else if (*value || set->table[i].kind == CLR_OPT_TEXT)
            put(set, i, value, source);
        else
            st = clr_fail(CLR_EUSAGE, "%s:%d: '%s' has no value", origin, number, name);
    }
    clr_free(copy);
    return st;
}

clr_status clr_opt_read_file(clr_opt_set *set, const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t length = 0, room = 0, got = 1;

    if (!file)
        return clr_fail(CLR_EIO, "%s: cannot read this config file: %s", path, strerror(errno));
    while (got) {
        if (length + 4097 > room) {
            char *larger = CLR_NEW(char, room = 2 * room + 8192);
            memcpy(larger, text ? text : "", length);
            clr_free(text);
            text = larger;
        }
        got = fread(text + length, 1, 4096, file);
        length += got;
    }
    bool bad = ferror(file);
    fclose(file);
    text[length] = 0;
    clr_status st = bad ? clr_fail(CLR_EIO, "%s: cannot read this config file", path)
                  : strlen(text) != length ? clr_fail(CLR_EINPUT, "%s: not a text file", path)
                                           : clr_opt_read_text(set, text, path, CLR_OPT_FILE);
    clr_free(text);
    return st;
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
        int i = find(set, name);
        bool negated = i < 0 && !strncmp(name, "no-", 3) && !value && (i = find(set, name + 3)) >= 0 &&
                       set->table[i].kind == CLR_OPT_FLAG;
        clr_status st = CLR_OK;
        if (i < 0)
            st = unknown(set, name, NULL);
        else if (set->table[i].kind == CLR_OPT_FLAG && !value)
            put(set, i, negated ? "no" : "yes", CLR_OPT_LINE);
        else if (value || a + 1 < argc)
            put(set, i, value ? value : argv[++a], CLR_OPT_LINE);
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
    int i = find(set, name);
    return i < 0 ? NULL : set->text[i];
}

clr_opt_source clr_opt_given(const clr_opt_set *set, const char *name)
{
    int i = find(set, name);
    return i < 0 ? CLR_OPT_DEFAULT : set->source[i];
}

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
                        opt->kind == CLR_OPT_INT ? "a whole number" : "a number", opt->low, opt->high);
    return clr_fail(CLR_EUSAGE, "--%s=%s: must be %s", opt->name, text,
                    opt->kind == CLR_OPT_FLAG  ? "yes or no"
                    : opt->kind == CLR_OPT_INT ? "a whole number"
                    : opt->kind == CLR_OPT_REAL ? "a number"
                                                : opt->values);
}

static clr_status convert(const clr_opt *opt, const char *text, void *field)
{
    double number;
    int word;

    switch (opt->kind) {
    case CLR_OPT_TEXT:
        *(const char **)field = text;
        return CLR_OK;
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
        else
            *(int64_t *)field = (int64_t)number;
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
    const char *value = clr_opt_value(set, name);
    bool yes = value && place(value, equals + 1) >= 0;
    clr_free(name);
    return yes;
}

clr_status clr_opt_finish(clr_opt_set *set)
{
    for (int i = 1; i < set->options; i++)
        if (set->table[i].flags & CLR_OPT_YIELDS && set->source[i] < set->source[i - 1])
            put(set, i, set->table[i].initial, set->source[i]);
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

/* Into text, which has room for twice as much and quotes. */
static char *quote(char *text, const char *value)
{
    *text++ = '"';
    for (; *value; value++) {
        if (strchr("\\\"\n", *value))
            *text++ = '\\';
        *text++ = *value == '\n' ? 'n' : *value;
    }
    *text++ = '"';
    return text;
}

char *clr_opt_write(const clr_opt_set *set)
{
    size_t length = 1;

    for (int i = 0; i < set->options; i++)
        length += strlen(set->table[i].name) + 2 * strlen(set->text[i] ? set->text[i] : "") + 8;
    char *text = CLR_NEW(char, length), *at = text;
    for (int i = 0; i < set->options; i++)
        if (set->text[i]) {
            at = stpcpy(stpcpy(at, set->table[i].name), " = ");
            at = needs_quotes(set->text[i]) ? quote(at, set->text[i]) : stpcpy(at, set->text[i]);
            *at++ = '\n';
        }
    return text;
}

/* Two texts of one option mean the same: "0.50" and "0.5", "yes" and "on". */
static bool alike(const clr_opt *opt, const char *a, const char *b)
{
    double x = 0, y = 0;

    if (!a || !b)
        return !a && !b;
    if (opt->kind == CLR_OPT_FLAG) {
        const char *words = "no|yes|0|1|false|true|off|on";
        return (place(a, words) & 1) == (place(b, words) & 1);
    }
    if (opt->kind == CLR_OPT_INT || opt->kind == CLR_OPT_REAL)
        return real(a, &x) && real(b, &y) && x == y;
    return !strcmp(a, b);
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
        if (find(set, name) < 0)
            st = unknown(set, name, where);
        clr_free(name);
        clr_free(where);
    }
    return st;
}

clr_status clr_opt_compare(const clr_opt_set *set, const char *earlier, const char *allowed)
{
    clr_opt_set old;
    void *none = NULL;
    char *differences = NULL;

    clr_opt_open(&old, set->table, none);
    clr_status st = clr_opt_read_text(&old, earlier, "earlier config", CLR_OPT_FILE);
    if (st != CLR_OK) {
        clr_opt_close(&old);
        return clr_fail_in(st, "the run was made by another version");
    }
    for (int i = 0; i < set->options; i++) {
        const clr_opt *opt = &set->table[i];
        if (!(opt->flags & CLR_OPT_MATHS) || alike(opt, set->text[i], old.text[i]) || clr_opt_listed(opt->name, allowed))
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

void clr_opt_help(FILE *out, const clr_opt *table)
{
    static const char *const kinds[] = {"yes|no", "N", "X", "TEXT", ""};

    for (const clr_opt *opt = table; opt->name; opt++) {
        fprintf(out, "  --%s%s%s\n      %s", opt->name, opt->kind == CLR_OPT_FLAG ? "" : "=",
                opt->kind == CLR_OPT_FLAG ? "" : opt->values ? opt->values : kinds[opt->kind], opt->help);
        if (opt->initial && *opt->initial)
            fprintf(out, " [%s]", opt->initial);
        if (opt->only)
            fprintf(out, " (only with --%s)", opt->only);
        fputc('\n', out);
    }
}
