/* SPDX-License-Identifier: BSD-3-Clause */
/* The figures of a map. Thumbnails: the plane is cut into CELLS x CELLS squares, and the point nearest to the middle of
   each shows its image. */
#include "clr/map.h"

#include "clr/augment.h"
#include "clr/mem.h"
#include "clr/store.h"
#include "html.h"
#include "plot.h"

#include <math.h>
#include <stdlib.h>

enum { SIDE = 460, CELLS = 9, THUMB = 26, LISTED = 40 /* classes in the legend */ };

/* Where a panel's points lie, with a margin. */
typedef struct frame {
    double low[2], high[2];
} frame;

static frame frame_of(const float *xy, int64_t points)
{
    frame f = {{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};

    for (int64_t i = 0; i < 2 * points; i++)
        if (isfinite(xy[i])) {
            f.low[i & 1] = fmin(f.low[i & 1], xy[i]);
            f.high[i & 1] = fmax(f.high[i & 1], xy[i]);
        }
    for (int l = 0; l < 2; l++) {
        double margin = 0.05 * (f.high[l] - f.low[l]) + 1e-9;
        f.low[l] -= margin;
        f.high[l] += margin;
    }
    return f;
}

/* Place of a point in the picture, pixels from its left upper corner. */
static void place(const frame *f, const float *xy, double at[2])
{
    at[0] = (xy[0] - f->low[0]) / (f->high[0] - f->low[0]) * SIDE;
    at[1] = SIDE - (xy[1] - f->low[1]) / (f->high[1] - f->low[1]) * SIDE;
}

static clr_status put_thumbnail(clr_store *store, int64_t id, const double at[2], int colour, FILE *to)
{
    const clr_augment none = {0};
    const clr_store_info *info = clr_store_info_of(store);
    int channels = info->channels == 1 ? 1 : 3;
    uint8_t pixels[THUMB * THUMB * 3], *png = NULL;
    float picture[THUMB * THUMB * 3];
    size_t bytes = 0;
    clr_image image, small = {THUMB, THUMB, channels, pixels};
    void *buffer = clr_alloc((size_t)clr_store_bytes(store, &id, 1), 1);
    clr_status st = clr_store_read(store, &id, 1, channels, buffer, &image);

    if (st == CLR_OK) {
        float *scratch = CLR_NEW(float, clr_augment_floats(info->max_pixels, info->max_width, channels, THUMB));
        clr_augment_apply(&none, &image, THUMB, 0, 0, 0, 0, scratch, picture);
        for (int i = 0; i < THUMB * THUMB * channels; i++)
            pixels[i] = (uint8_t)lrintf(255 * fminf(1, fmaxf(0, picture[i])));
        clr_free(scratch);
        st = clr_image_encode_png(&small, &png, &bytes);
    }
    if (st == CLR_OK) {
        double x = at[0] - THUMB / 2.0, y = at[1] - THUMB / 2.0;
        fprintf(to, "<image x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" href=\"data:image/png;base64,", x, y,
                THUMB, THUMB);
        clr_html_base64(to, png, bytes);
        fprintf(to,
                "\"/><rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"var(--%s%d)\" "
                "stroke-width=\"1.5\"/>\n",
                x, y, THUMB, THUMB, colour < 0 ? "grid" : "s", colour < 0 ? 0 : colour % CLR_HTML_COLOURS);
    }
    free(png);
    clr_free(buffer);
    return st;
}

/* The thumbnails of a panel as SVG; an image that cannot be read is left out. */
static void put_thumbnails(const clr_map *map, const float *xy, const frame *f, clr_store *store, FILE *to)
{
    int64_t best[CELLS * CELLS], images = clr_store_info_of(store)->images;
    double nearest[CELLS * CELLS], at[2];

    for (int c = 0; c < CELLS * CELLS; c++)
        best[c] = -1, nearest[c] = INFINITY;
    for (int64_t i = 0; i < map->points; i++) {
        place(f, xy + 2 * i, at);
        if (!(at[0] >= 0 && at[0] < SIDE && at[1] >= 0 && at[1] < SIDE) || map->id[i] >= images)
            continue;
        int column = (int)(at[0] * CELLS / SIDE), row = (int)(at[1] * CELLS / SIDE), c = row * CELLS + column;
        double d = hypot(at[0] - (column + 0.5) * SIDE / CELLS, at[1] - (row + 0.5) * SIDE / CELLS);
        if (d < nearest[c])
            best[c] = i, nearest[c] = d;
    }
    for (int c = 0; c < CELLS * CELLS; c++)
        if (best[c] >= 0) {
            place(f, xy + 2 * best[c], at);
            put_thumbnail(store, map->id[best[c]], at, map->class[best[c]], to);
        }
}

/* A panel's points, a curve of dots for each colour. */
static clr_status panel(const clr_map *map, int p, clr_store *store, FILE *to)
{
    const float *xy = map->xy[p];
    const frame f = frame_of(xy, map->points);
    clr_curve curve[CLR_HTML_COLOURS + 1] = {{0}}, shown[CLR_HTML_COLOURS + 1];
    char *inside = NULL;
    size_t bytes = 0;
    int curves = 0;

    for (int c = 0; c <= CLR_HTML_COLOURS; c++)
        curve[c] = (clr_curve){CLR_NEW(double, map->points + 1), CLR_NEW(double, map->points + 1), 0,
                               c < CLR_HTML_COLOURS ? c : 8, CLR_CURVE_DOTS};
    for (int64_t i = 0; i < map->points; i++) {
        clr_curve *c = &curve[map->class[i] < 0 ? CLR_HTML_COLOURS : map->class[i] % CLR_HTML_COLOURS];
        c->x[c->n] = xy[2 * i];
        c->y[c->n++] = xy[2 * i + 1];
    }
    for (int c = 0; c <= CLR_HTML_COLOURS; c++)
        if (curve[c].n)
            shown[curves++] = curve[c];
    FILE *memory = store && p % 2 ? open_memstream(&inside, &bytes) : NULL;
    if (memory) {
        put_thumbnails(map, xy, &f, store, memory);
        fclose(memory);
    }
    clr_plot plot = {.label = clr_map_titles[p],
                     .low = f.low[1],
                     .high = f.high[1],
                     .x_low = f.low[0],
                     .x_high = f.high[0],
                     .width = SIDE,
                     .height = SIDE,
                     .curve = shown,
                     .curves = curves,
                     .inside = inside};
    fputs("<figure>\n", to);
    clr_status st = clr_plot_svg(&plot, to);
    fprintf(to, "<figcaption>%s.</figcaption></figure>\n", clr_map_titles[p]);
    free(inside);
    for (int c = 0; c <= CLR_HTML_COLOURS; c++) {
        clr_free(curve[c].x);
        clr_free(curve[c].y);
    }
    return st;
}

clr_status clr_map_figures(const clr_map *map, FILE *to)
{
    clr_store *store = NULL;
    clr_status st = CLR_OK;

    if (!clr_plot_possible()) {
        fputs("<p>No map: there is no gnuplot here. The points are in its table.</p>\n", to);
        return CLR_OK;
    }
    if (map->data && clr_store_open(map->data, &store) != CLR_OK) {
        fputs("<p class=\"soft\">No thumbnails: ", to);
        clr_html_text(to, clr_message());
        fputs("</p>\n", to);
        store = NULL;
    }
    fputs("<ul class=\"legend\">", to);
    for (int c = 0; c < map->classes && c < LISTED; c++) {
        fprintf(to, "<li><i class=\"swatch\" style=\"background:var(--s%d)\"></i>", c % CLR_HTML_COLOURS);
        clr_html_text(to, map->class_name[c]);
        fputs("</li>", to);
    }
    fprintf(to, "%s</ul>\n<div class=\"plots wide\">\n", map->classes > LISTED ? "<li>...</li>" : "");
    for (int p = 0; p < CLR_MAP_PANELS && st == CLR_OK; p++)
        if (map->xy[p] && map->points)
            st = panel(map, p, store, to);
    fputs("</div>\n", to);
    clr_store_close(store);
    return st;
}

clr_status clr_map_page(const clr_map *map, const char *title, FILE *to)
{
    clr_html_begin(to, title);
    fputs("<header><p class=\"over\">simclr map</p><h1>", to);
    clr_html_text(to, title);
    fprintf(
        to,
        "</h1><p class=\"soft\">%lld images, coloured by class. Features of unit length; PCA: the two directions of "
        "largest variance; t-SNE: near are those whose features are near.</p></header>\n<main>\n<section>",
        (long long)map->points);
    clr_status st = clr_map_figures(map, to);
    fputs("</section>\n", to);
    clr_html_end(to);
    return st;
}
