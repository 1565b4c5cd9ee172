/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_HTML_H
#define CLR_HTML_H
/* Pieces of a page. Whatever comes from a file or a name goes through clr_html_text. Local. */
#include "grid.h"

#include <stddef.h>
#include <stdint.h>

/* Text for an element or an attribute in double quotes: &, <, >, ", ' become entities; control characters and what is
   no UTF-8 become U+FFFD. Line ends and tabs stay. */
void clr_html_text(FILE *to, const char *text);

/* Bytes as base64. */
void clr_html_base64(FILE *to, const uint8_t *bytes, size_t n);

/* A table; swatches: the first cell of each row has the colour of its curve. */
void clr_html_grid(FILE *to, const clr_grid *grid, bool swatches);

/* Everything up to <main>, with the style; and the end. */
void clr_html_begin(FILE *to, const char *title);
void clr_html_end(FILE *to);

enum { CLR_HTML_COLOURS = 12 }; /* --s0 ... --s11 of the style */

#endif
