/* SPDX-License-Identifier: BSD-3-Clause */
#include "html.h"

#include "style.h"

#include <string.h>

enum { WIDE = 60 /* characters that a cell shows in one line */ };

/* The bytes of the UTF-8 character at text: 1 to 4; 0: it is none. */
static int character(const unsigned char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int n = *text < 0x80                    ? 1
            : *text >= 0xf0 && *text < 0xf5 ? 4
            : *text >= 0xe0 && *text < 0xf0 ? 3
            : *text >= 0xc2 && *text < 0xe0 ? 2
                                            : 0;
    uint32_t code = n > 1 ? *text & (0xffu >> (n + 1)) : *text;

    for (int i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    bool control = code < 0x20 ? code != '\n' && code != '\t' : code >= 0x7f && code < 0xa0;
    bool turning = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069); /* of writing direction */
    return !n || control || turning || code < least[n] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff ? 0 : n;
}

void clr_html_text(FILE *to, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        int n = character(at);
        switch (n ? *at : 0) {
        case 0: fputs("\xef\xbf\xbd", to); break;
        case '&': fputs("&amp;", to); break;
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '"': fputs("&quot;", to); break;
        case '\'': fputs("&#39;", to); break;
        default: fwrite(at, 1, (size_t)n, to);
        }
        at += n ? n : 1;
    }
}

void clr_html_base64(FILE *to, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < n; i += 3) {
        uint32_t word = (uint32_t)bytes[i] << 16 | (i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0) |
                        (i + 2 < n ? (uint32_t)bytes[i + 2] : 0);
        char four[4] = {digits[word >> 18], digits[word >> 12 & 63], i + 1 < n ? digits[word >> 6 & 63] : '=',
                        i + 2 < n ? digits[word & 63] : '='};
        fwrite(four, 1, sizeof four, to);
    }
}

/* Numbers are set to the right, states as badges. */
static void put_cell(FILE *to, const clr_grid *g, int r, int c, bool swatch)
{
    const char *text = clr_grid_at(g, r, c);
    bool number = clr_grid_is_number(g, c), state = !strcmp(g->name[c], "state");

    fprintf(to, "<%s%s>", c ? "td" : "th scope=\"row\"",
            !c                    ? ""
            : number              ? " class=\"n\""
            : strlen(text) > WIDE ? " class=\"wrap\""
                                  : "");
    if (swatch)
        fprintf(to, "<i class=\"swatch\" style=\"background:var(--s%d)\"></i>", r % CLR_HTML_COLOURS);
    if (state)
        fprintf(to, "<b class=\"state %s\">", text);
    clr_html_text(to, *text ? text : "\xe2\x80\x93");
    fprintf(to, "%s</%s>", state ? "</b>" : "", c ? "td" : "th");
}

void clr_html_grid(FILE *to, const clr_grid *g, bool swatches)
{
    fputs("<div class=\"scroll\"><table><thead><tr>", to);
    for (int c = 0; c < g->columns; c++) {
        fprintf(to, "<th scope=\"col\"%s>", c && clr_grid_is_number(g, c) ? " class=\"n\"" : "");
        clr_html_text(to, g->title[c]);
        fputs("</th>", to);
    }
    fputs("</tr></thead>\n<tbody>", to);
    for (int r = 0; r < g->rows; r++) {
        fputs("<tr>", to);
        for (int c = 0; c < g->columns; c++)
            put_cell(to, g, r, c, swatches && !c);
        fputs("</tr>\n", to);
    }
    fputs("</tbody></table></div>\n", to);
}

void clr_html_begin(FILE *to, const char *title)
{
    fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
          to);
    clr_html_text(to, title);
    fputs("</title>\n<style>\n", to);
    fputs(clr_html_style, to);
    fputs("</style></head>\n<body>\n", to);
}

void clr_html_end(FILE *to)
{
    fputs("</main>\n</body></html>\n", to);
}
