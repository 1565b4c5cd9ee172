/* SPDX-License-Identifier: BSD-3-Clause */
/* Options as lines of text: config files, presets, the resolved configuration. */
#include "opt_set.h"

#include "clr/mem.h"

#include <errno.h>
#include <string.h>

static const char blanks[] = " \t\r\v\f";

static char *trim(char *text)
{
    text += strspn(text, blanks);
    char *end = text + strlen(text);
    while (end > text && strchr(blanks, end[-1]))
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
    return n && (*text == '"' || strchr(blanks, *text) || strchr(blanks, text[n - 1]) || strchr(text, '\n'));
}

/* The value after '=', cut out in place: without blanks around it, a comment after it, and its quotes. NULL: a quote
   is not closed. */
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
    size_t after = *from ? strspn(from + 1, blanks) : 0;
    if (!*from || (from[1 + after] && (!after || from[1 + after] != '#')))
        return NULL;
    *to = 0;
    return value;
}

clr_status clr_opt_read_text(clr_opt_set *set, const char *lines, const char *origin, clr_opt_source source)
{
    char *copy = clr_copy_text(lines),
         *first = copy + 3 * !strncmp(copy, "\xef\xbb\xbf", 3); /* a byte order mark of some editors */
    bool *given = CLR_NEW(bool, set->options + 1);
    clr_status st = CLR_OK;
    int number = 0;

    for (char *line = first, *next; line && st == CLR_OK; line = next) {
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
        int i = clr_opt_find(set, trim(name));
        if (!equals)
            st = clr_fail(CLR_EUSAGE, "%s:%d: '%s' is not 'name = value'", origin, number, name);
        else if (i < 0 && source <= CLR_OPT_RUN)
            continue;
        else if (i < 0) {
            char *where = clr_text("%s:%d", origin, number);
            st = clr_opt_unknown(set, name, where);
            clr_free(where);
        } else if (!value)
            st = clr_fail(CLR_EUSAGE, "%s:%d: the quotes around the value of '%s' do not close at its end", origin,
                          number, name);
        else if (*value || set->table[i].kind == CLR_OPT_TEXT) {
            char *where = clr_text("%s:%d", origin, number);
            if (given[i] && set->source[i] == source)
                clr_opt_twice(&set->table[i], where, set->text[i], value);
            given[i] = true;
            clr_opt_put(set, i, value, source);
            clr_free(where);
        } else
            st = clr_fail(CLR_EUSAGE, "%s:%d: '%s' has no value", origin, number, name);
    }
    clr_free(given);
    clr_free(copy);
    return st;
}

clr_status clr_opt_read_run(clr_opt_set *set, const char *lines, const char *origin, bool identity, const char *also)
{
    const clr_opt_part parts[] = {{.rows = set->table}, {0}};
    clr_opt_set run;

    clr_opt_open(&run, parts, NULL);
    clr_status st = clr_opt_read_text(&run, lines, origin, CLR_OPT_RUN);
    for (int i = 0; i < set->options && st == CLR_OK; i++)
        if (run.source[i] == CLR_OPT_RUN &&
            ((identity && set->table[i].flags & CLR_OPT_IDENTITY) || clr_opt_listed(set->table[i].name, also)))
            clr_opt_put(set, i, run.text[i], CLR_OPT_RUN);
    clr_opt_close(&run);
    return st;
}

clr_status clr_opt_read_file(clr_opt_set *set, const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t length = 0, capacity = 0, got = 1;

    if (!file)
        return clr_fail(CLR_EIO, "%s: cannot read this config file: %s", path, strerror(errno));
    while (got) {
        if (length + 4097 > capacity) {
            char *larger = CLR_NEW(char, capacity = 2 * capacity + 8192);
            memcpy(larger, text ? text : "", length);
            clr_free(text);
            text = larger;
        }
        got = fread(text + length, 1, 4096, file);
        length += got;
    }
    int error = ferror(file) ? errno : 0;
    fclose(file);
    text[length] = 0;
    for (char *at = strchr(text, '\n') ? NULL : strchr(text, '\r'); at; at = strchr(at, '\r'))
        *at = '\n'; /* lines that end as those of old Macs */
    clr_status st = error ? clr_fail(CLR_EIO, "%s: cannot read this config file: %s", path, strerror(error))
                    : !strncmp(text, "\xff\xfe", 2) || !strncmp(text, "\xfe\xff", 2)
                        ? clr_fail(CLR_EINPUT, "%s: is text in UTF-16; save it as UTF-8", path)
                    : strlen(text) != length ? clr_fail(CLR_EINPUT, "%s: not a text file", path)
                                             : clr_opt_read_text(set, text, path, CLR_OPT_FILE);
    clr_free(text);
    return st;
}

/* Quotes value into text, which has room for twice as much and the quotes. */
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
