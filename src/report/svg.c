/* SPDX-License-Identifier: BSD-3-Clause */
/* A pass over the tags of gnuplot's SVG. Groups are written when something stands in them. */
#include "html.h"
#include "plot.h"

#include <stdlib.h>
#include <string.h>

enum { PENDING = 16, VALUE = 256 };

typedef struct cleaner {
    FILE *to;
    const char *pending[PENDING]; /* groups that nothing stands in yet */
    int waiting, open;            /* of these; written ones that are open */
    bool dots;                    /* a path of dots is being written */
} cleaner;

/* Where an attribute's value begins in the tag at text, which ends with '>'; NULL: it has none. */
static const char *find(const char *tag, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = tag; *at && *at != '>'; at++) {
        bool apart = *at == ' ' || *at == '\t' || *at == '\n';
        if (apart && !strncmp(at + 1, name, length) && at[1 + length] == '=' &&
            (at[2 + length] == '\'' || at[2 + length] == '"'))
            return at + 3 + length;
        if (*at == '\'' || *at == '"') { /* a value: to its end */
            const char *end = strchr(at + 1, *at);
            at = end ? end : at;
        }
    }
    return NULL;
}

/* That value, cut to fit; "" where there is none. */
static const char *attribute(const char *tag, const char *name, char value[VALUE])
{
    const char *from = find(tag, name);

    snprintf(value, VALUE, "%.*s", from ? (int)strcspn(from, from[-1] == '"' ? "\"" : "'") : 0, from ? from : "");
    return value;
}

/* " name=value", with the colours of the style. */
static void put_colour(cleaner *c, const char *name, const char *value)
{
    int r, g, b;

    if (sscanf(value, "rgb( %d , %d , %d )", &r, &g, &b) == 3 && r >= 1 && r <= 3) {
        if (r == 3)
            fprintf(c->to, " %s=\"var(--s%d)\"", name, b % CLR_HTML_COLOURS);
        else
            fprintf(c->to, " %s=\"var(--%s)\"", name, r == 1 ? "ink" : "grid");
    } else if (*value) {
        fprintf(c->to, " %s=\"%s\"", name, value);
    }
}

static void put_tag(cleaner *c, const char *tag, const char *name)
{
    static const char *const kept[] = {"stroke-width",
                                       "stroke-linecap",
                                       "stroke-linejoin",
                                       "stroke-dasharray",
                                       "transform",
                                       "font-size",
                                       "text-anchor",
                                       "d",
                                       "x",
                                       "y",
                                       "width",
                                       "height"};
    char value[VALUE];

    fprintf(c->to, "<%s", name);
    put_colour(c, "fill", attribute(tag, "fill", value));
    put_colour(c, "stroke", attribute(tag, "stroke", value));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const char *from = strcmp(kept[i], "d") ? NULL : find(tag, "d"); /* of any length */
        if (from) {
            fprintf(c->to, " d=\"%.*s\"", (int)strcspn(from, "'\""), from);
        } else if (*attribute(tag, kept[i], value)) {
            fprintf(c->to, " %s=\"%s\"", kept[i], value);
        }
    }
}

static void end_dots(cleaner *c)
{
    if (c->dots)
        fputs("\"/>\n", c->to);
    c->dots = false;
}

/* Writes the groups that wait, because something stands in them. */
static void settle(cleaner *c)
{
    for (int i = 0; i < c->waiting; i++) {
        put_tag(c, c->pending[i], "g");
        fputs(">", c->to);
        c->open++;
    }
    c->waiting = 0;
}

/* A mark: a circle, or a point of a path of dots. */
static void put_mark(cleaner *c, const char *tag)
{
    char value[VALUE];
    double x, y, size;

    if (sscanf(attribute(tag, "transform", value), "translate(%lf,%lf) scale(%lf)", &x, &y, &size) == 3) {
        fprintf(c->to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.2f\"", x, y, size);
        put_colour(c, "fill", attribute(tag, "color", value));
        fputs(" stroke=\"none\"/>\n", c->to);
        return;
    }
    if (!c->dots) {
        fputs("<path class=\"dots\"", c->to);
        put_colour(c, "stroke", attribute(tag, "color", value));
        fputs(" d=\"", c->to);
        c->dots = true;
    }
    x = atof(attribute(tag, "x", value));
    y = atof(attribute(tag, "y", value));
    fprintf(c->to, "M%.1f %.1fh0", x, y);
}

static bool is(const char *tag, const char *name)
{
    size_t n = strlen(name);
    return !strncmp(tag + 1, name, n) && strchr(" \t\n/>", tag[1 + n]);
}

/* One tag; returns where to go on. */
static const char *one(cleaner *c, const char *tag)
{
    static const char *const dropped[] = {"title", "desc", "defs"}, *const ends[] = {"</title>", "</desc>", "</defs>"};
    const char *end = strchr(tag, '>');

    for (int i = 0; i < 3; i++)
        if (is(tag, dropped[i])) {
            const char *behind = strstr(tag, ends[i]);
            return behind ? behind + strlen(ends[i]) : tag + strlen(tag);
        }
    if (is(tag, "use")) {
        settle(c);
        put_mark(c, tag);
        return end + 1;
    }
    end_dots(c);
    if (is(tag, "g") && c->waiting < PENDING) {
        c->pending[c->waiting++] = tag;
    } else if (is(tag, "/g")) {
        if (c->waiting)
            c->waiting--;
        else if (c->open-- > 0)
            fputs("</g>\n", c->to);
    } else if (is(tag, "path") || is(tag, "polygon") || is(tag, "rect")) {
        settle(c);
        put_tag(c, tag, is(tag, "path") ? "path" : is(tag, "rect") ? "rect" : "polygon");
        fputs("/>\n", c->to);
    } else if (is(tag, "text")) {
        const char *stop = strstr(end, "</text>");
        settle(c);
        fprintf(c->to, "<text>%.*s</text>", stop ? (int)(stop - end - 1) : 0, end + 1);
        return stop ? stop + 7 : tag + strlen(tag);
    }
    return end + 1;
}

void clr_svg_clean(const char *svg, const char *label, const char *inside, FILE *to)
{
    cleaner c = {.to = to};
    const char *at = strstr(svg, "<svg");
    char value[VALUE];

    if (!at || !strchr(at, '>'))
        return;
    fprintf(to, "<svg viewBox=\"%s\" role=\"img\" aria-label=\"", attribute(at, "viewBox", value));
    clr_html_text(to, label);
    fputs("\">\n", to);
    for (at = strchr(at, '>'); at && (at = strchr(at, '<')) && strncmp(at, "</svg>", 6);)
        at = strchr(at, '>') ? one(&c, at) : NULL;
    end_dots(&c);
    for (; c.open > 0; c.open--)
        fputs("</g>", to);
    fprintf(to, "%s</svg>\n", inside ? inside : "");
}
