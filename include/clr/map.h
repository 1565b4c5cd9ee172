/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_MAP_H
#define CLR_MAP_H
/* Images as points of the plane, by their features: as a table, and as figures of a page. Local. */
#include "clr/err.h"

#include <stdint.h>
#include <stdio.h>

enum { CLR_MAP_PANELS = 4 }; /* h and z, each by principal components and by t-SNE */

typedef struct clr_map {
    int64_t points;
    char *data;  /* path of the dataset, for thumbnails; NULL: there is none */
    int64_t *id; /* (points): of the image in the dataset */
    int *class;  /* (points), -1: not known */
    char **class_name;
    int classes;
    float *xy[CLR_MAP_PANELS]; /* (points, 2), or NULL: there is none */
} clr_map;

/* "h, PCA", ...; "h_pca", ... */
extern const char *const clr_map_titles[CLR_MAP_PANELS], *const clr_map_names[CLR_MAP_PANELS];

/* Takes room for so many points, and for the panels whose bits are set. Freed by clr_map_free. */
void clr_map_new(clr_map *map, int64_t points, unsigned panels);
void clr_map_free(clr_map *map);

/* A line a point: id, class, x and y of each panel. read: CLR_EINPUT where it is no such table; no file: no points.
   Freed by clr_map_free, also after a failure. */
void clr_map_put(const clr_map *map, FILE *to);
clr_status clr_map_read(const char *path, clr_map *map);

/* A legend and a figure a panel; thumbnails on those of t-SNE where the dataset can be read. Without gnuplot a sentence
   says so. */
clr_status clr_map_figures(const clr_map *map, FILE *to);

/* The whole page. */
clr_status clr_map_page(const clr_map *map, const char *title, FILE *to);

#endif
