/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of a map. */
#include "clr/map.h"

#include "clr/mem.h"
#include "clr/plain.h"
#include "tsv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const clr_map_titles[CLR_MAP_PANELS] = {"h, PCA", "h, t-SNE", "z, PCA", "z, t-SNE"};
const char *const clr_map_names[CLR_MAP_PANELS] = {"h_pca", "h_tsne", "z_pca", "z_tsne"};

enum { POINTS = 100000, CLASSES = 4096, NAME = 256 };

void clr_map_new(clr_map *map, int64_t points, unsigned panels)
{
    *map = (clr_map){.points = points,
                     .id = CLR_NEW(int64_t, points + 1),
                     .class = CLR_NEW(int, points + 1),
                     .class_name = CLR_NEW(char *, CLASSES)};
    for (int p = 0; p < CLR_MAP_PANELS; p++)
        map->xy[p] = panels & 1u << p ? CLR_NEW(float, 2 * points + 2) : NULL;
}

void clr_map_free(clr_map *map)
{
    for (int c = 0; c < map->classes; c++)
        clr_free(map->class_name[c]);
    for (int p = 0; p < CLR_MAP_PANELS; p++)
        clr_free(map->xy[p]);
    clr_free(map->class_name);
    clr_free(map->class);
    clr_free(map->id);
    clr_free(map->data);
    *map = (clr_map){0};
}

/* A cell of one line. */
static void put_text(const char *text, FILE *to)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, to);
}

void clr_map_put(const clr_map *map, FILE *to)
{
    fputs("# id\tclass", to);
    for (int p = 0; p < CLR_MAP_PANELS; p++)
        if (map->xy[p])
            fprintf(to, "\t%s_x\t%s_y", clr_map_names[p], clr_map_names[p]);
    fputs("\n# data ", to);
    put_text(map->data ? map->data : "", to);
    fputs("\n", to);
    for (int64_t i = 0; i < map->points; i++) {
        fprintf(to, "%lld\t", (long long)map->id[i]);
        put_text(map->class[i] >= 0 ? map->class_name[map->class[i]] : "", to);
        for (int p = 0; p < CLR_MAP_PANELS; p++)
            if (map->xy[p])
                fprintf(to, "\t%.6g\t%.6g", map->xy[p][2 * i], map->xy[p][2 * i + 1]);
        fputs("\n", to);
    }
}

/* "# data PATH" of the second line. */
static char *read_data(const char *path)
{
    char line[4096] = "";
    FILE *from = NULL;
    char *data = NULL;

    if (clr_plain_stream(path, &from) != CLR_OK || !from)
        return NULL;
    for (int i = 0; i < 2; i++)
        if (!fgets(line, sizeof line, from))
            *line = 0;
    fclose(from);
    line[strcspn(line, "\r\n")] = 0;
    if (!strncmp(line, "# data ", 7) && line[7])
        data = clr_copy_text(line + 7);
    return data;
}

static int class_of(clr_map *map, const char *name)
{
    int c = 0;

    while (c < map->classes && strcmp(map->class_name[c], name))
        c++;
    if (!*name || c == CLASSES)
        return -1;
    if (c == map->classes)
        map->class_name[map->classes++] = clr_copy_text(name);
    return c;
}

clr_status clr_map_read(const char *path, clr_map *map)
{
    char name[NAME], column[32];
    unsigned panels = 0;
    clr_tsv table;
    clr_status st = clr_tsv_read(path, false, &table);

    for (int p = 0; p < CLR_MAP_PANELS; p++) {
        snprintf(column, sizeof column, "%s_x", clr_map_names[p]);
        panels |= clr_tsv_has(&table, column) ? 1u << p : 0;
    }
    if (st == CLR_OK && table.rows && (!panels || table.rows > POINTS))
        st = clr_fail(CLR_EINPUT, "%s: is no map of at most %d points", path, POINTS);
    clr_map_new(map, st == CLR_OK ? table.rows : 0, panels);
    map->data = read_data(path);
    for (int64_t i = 0; i < map->points; i++) {
        map->id[i] = (int64_t)fmax(0, fmin(1e15, clr_tsv_number(&table, i, "id")));
        map->class[i] = class_of(map, clr_tsv_text(&table, i, "class", name, sizeof name));
        for (int p = 0; p < CLR_MAP_PANELS; p++)
            for (int l = 0; l < 2 && map->xy[p]; l++) {
                snprintf(column, sizeof column, "%s_%c", clr_map_names[p], "xy"[l]);
                map->xy[p][2 * i + l] = (float)clr_tsv_number(&table, i, column);
            }
    }
    clr_tsv_free(&table);
    return st;
}
