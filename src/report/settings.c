/* SPDX-License-Identifier: BSD-3-Clause */
#include "settings.h"

#include "clr/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A value without its quotes. */
static char *plain(const char *value)
{
    char *text = clr_copy_text(value), *to = text;

    if (*value != '"')
        return text;
    for (const char *at = value + 1; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1])
            at++;
        *to++ = *at;
    }
    *to = 0;
    return text;
}

static void read_comment(clr_settings *s, const char *line)
{
    char checksum[32];
    double images;

    if (!strncmp(line, "# simclr ", 9) && !*s->program) {
        clr_free(s->program);
        s->program = clr_copy_text(line + 2);
    } else if (sscanf(line, "# dataset %31[0-9a-f] %lf", checksum, &images) == 2) {
        clr_free(s->dataset);
        s->dataset = clr_copy_text(checksum);
        s->images = images;
    }
}

clr_settings clr_settings_of(const char *config)
{
    clr_settings s = {.program = clr_copy_text(""), .dataset = clr_copy_text(""), .images = NAN};
    char *text = clr_copy_text(config ? config : ""), *rest = NULL;
    int lines = 1;

    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    s.name = CLR_NEW(char *, lines);
    s.value = CLR_NEW(char *, lines);
    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        char *equals = strstr(line, " = ");
        if (*line == '#')
            read_comment(&s, line);
        else if (equals) {
            *equals = 0;
            s.name[s.n] = clr_copy_text(line);
            s.value[s.n++] = plain(equals + 3);
        }
    }
    clr_free(text);
    return s;
}

void clr_settings_free(clr_settings *s)
{
    for (int i = 0; i < s->n; i++) {
        clr_free(s->name[i]);
        clr_free(s->value[i]);
    }
    clr_free(s->name);
    clr_free(s->value);
    clr_free(s->program);
    clr_free(s->dataset);
    *s = (clr_settings){0};
}

const char *clr_settings_text(const clr_settings *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (!strcmp(s->name[i], name))
            return s->value[i];
    return NULL;
}

double clr_settings_number(const clr_settings *s, const char *name)
{
    const char *text = clr_settings_text(s, name);
    char *end = NULL;
    double x = text ? strtod(text, &end) : NAN;

    if (text && end > text && *end == '/') { /* "1/4" */
        double by = strtod(end + 1, &end);
        x = by != 0 ? x / by : NAN;
    }
    return text && end > text && !*end ? x : NAN;
}
