/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_STYLE_H
#define CLR_STYLE_H
/* The style of the page. Curves take --s0 to --s11, plots --ink, --grid and --card. */
extern const char clr_html_style[];

#endif
