/* SPDX-License-Identifier: BSD-3-Clause */
#include "matrix.h"

#include "clr/mem.h"
#include "html.h"

#include <math.h>
#include <string.h>

enum { MOST = 24, NAME = 64 };

void clr_heat_table(const clr_heat *h, FILE *to)
{
    double low = INFINITY, high = -INFINITY;

    for (int i = 0; i < h->rows * h->columns; i++)
        if (isfinite(h->value[i])) {
            low = fmin(low, h->value[i]);
            high = fmax(high, h->value[i]);
        }
    fputs("<figure><div class=\"scroll\"><table class=\"heat\"><thead><tr><th></th>", to);
    for (int j = 0; j < h->columns; j++) {
        fputs("<th scope=\"col\">", to);
        clr_html_text(to, h->column[j]);
        fputs("</th>", to);
    }
    fputs("</tr></thead>\n<tbody>", to);
    for (int i = 0; i < h->rows; i++) {
        fputs("<tr><th scope=\"row\">", to);
        clr_html_text(to, h->row[i]);
        fputs("</th>", to);
        for (int j = 0; j < h->columns; j++) {
            double x = h->value[i * h->columns + j];
            double share = high > low ? (x - low) / (high - low) : 0;
            if (!isfinite(x)) {
                fputs("<td></td>", to);
                continue;
            }
            fprintf(to, "<td style=\"background:rgb(var(--heat) / %.2f)\">", 0.04 + 0.66 * share);
            fprintf(to, h->decimals ? "%.1f</td>" : "%.0f</td>", x);
        }
        fputs("</tr>\n", to);
    }
    fputs("</tbody></table></div><figcaption>", to);
    clr_html_text(to, h->caption);
    fputs("</figcaption></figure>\n", to);
}

/* "crop+color" -> "crop", "color"; "crop" -> "crop", "crop". false: too long, or of more than two. */
static bool split(const char *name, char first[NAME], char second[NAME])
{
    size_t n = strcspn(name, "+");
    const char *rest = name[n] ? name + n + 1 : name;

    snprintf(first, NAME, "%.*s", (int)n, name);
    snprintf(second, NAME, "%s", rest);
    return n && n < NAME && *rest && strlen(rest) < NAME && !strchr(rest, '+');
}

typedef struct names {
    char text[MOST][NAME], *at[MOST];
    int n;
} names;

static int place(names *all, const char *name)
{
    int i = 0;

    while (i < all->n && strcmp(all->text[i], name))
        i++;
    if (i == all->n && i < MOST) {
        strcpy(all->text[i], name);
        all->at[i] = all->text[i];
        all->n++;
    }
    return i;
}

void clr_matrix(const clr_report *report, FILE *to)
{
    names *all = CLR_NEW(names, 1);
    double *ours = CLR_NEW(double, MOST *MOST), *papers = CLR_NEW(double, MOST *MOST);
    char first[NAME], second[NAME], *caption;
    int pairs = 0, known = 0;

    for (int r = 0; r < report->runs; r++) { /* only operators that stand in some pair */
        const char *name = report->run[r].result.name;
        if (strchr(name, '+') && split(name, first, second))
            pairs += place(all, first) < MOST && place(all, second) < MOST;
    }
    for (int i = 0; i < MOST * MOST; i++)
        ours[i] = papers[i] = NAN;
    for (int r = 0; r < report->runs && pairs >= 3; r++) {
        const char *name = report->run[r].result.name;
        const clr_table_paper *paper = clr_table_file_paper(&report->table, name);
        int before = all->n;
        if (!split(name, first, second))
            continue;
        int i = place(all, first), j = place(all, second);
        all->n = before; /* a single one that is in no pair makes no row */
        if (i >= before || j >= before)
            continue;
        ours[i * before + j] = report->run[r].accuracy;
        papers[i * before + j] = paper ? paper->top1 : NAN;
        known += paper != NULL;
    }
    if (pairs >= 3) {
        fputs("<section><h2>Composition of augmentations</h2><div class=\"plots\">\n", to);
        caption =
            clr_text("Top-1 %%, %s. Rows: the first operator; columns: the second; diagonal: alone.", report->judged);
        clr_heat_table(&(clr_heat){caption, 1, all->at, all->at, all->n, all->n, ours}, to);
        if (known)
            clr_heat_table(
                &(clr_heat){"The paper's (ImageNet, figure 5).", 1, all->at, all->at, all->n, all->n, papers}, to);
        fputs("</div></section>\n", to);
        clr_free(caption);
    }
    clr_free(all);
    clr_free(ours);
    clr_free(papers);
}
