/* SPDX-License-Identifier: BSD-3-Clause */
#include "pictures.h"

#include "clr/augment.h"
#include "clr/contact.h"
#include "clr/map.h"
#include "clr/mem.h"
#include "clr/opt.h"
#include "clr/plain.h"
#include "clr/rng.h"
#include "html.h"
#include "matrix.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A figure of PNG bytes. */
static void figure(const uint8_t *png, size_t n, const char *caption, FILE *to)
{
    fputs("<figure><img alt=\"", to);
    clr_html_text(to, caption);
    fputs("\" src=\"data:image/png;base64,", to);
    clr_html_base64(to, png, n);
    fputs("\"><figcaption>", to);
    clr_html_text(to, caption);
    fputs("</figcaption></figure>\n", to);
}

/* What stands in a picture's place. */
static void instead(const char *what, const char *why, FILE *to)
{
    fputs("<p class=\"soft\">", to);
    clr_html_text(to, what);
    fputs(": ", to);
    clr_html_text(to, why);
    fputs("</p>\n", to);
}

/* A PNG file of the run directory; false: it has none. */
static bool put_file(clr_reported *run, const char *name, const char *caption, int64_t room, FILE *to)
{
    static const uint8_t begins[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    char *path = clr_text("%s/%s", run->result.path, name);
    FILE *from = NULL;
    clr_status st = clr_plain_stream(path, &from);
    bool there = st == CLR_OK && from;

    clr_report_note(run, st);

    if (there) {
        long bytes = fseek(from, 0, SEEK_END) ? -1 : ftell(from);
        size_t most = room > 0 ? (size_t)room / 4 * 3 : 0, n = 0;
        uint8_t *png = CLR_NEW(uint8_t, bytes > 0 && (size_t)bytes < most ? bytes : 1);
        rewind(from);
        if (bytes > 0 && (size_t)bytes < most)
            n = fread(png, 1, (size_t)bytes, from);
        if (ferror(from))
            clr_report_note(run, clr_fail(CLR_EIO, "%s: cannot be read: %s", path, strerror(errno)));
        if (n > sizeof begins && !memcmp(png, begins, sizeof begins))
            figure(png, n, caption, to);
        else
            instead(path, n ? "is no PNG" : "left out, because the page is to stay small", to);
        clr_free(png);
        fclose(from);
    }
    clr_free(path);
    return there;
}

typedef struct sheet_config {
    clr_augment_pair augment;
    int size;
    int64_t seed;
} sheet_config;

/* The sheet as PNG bytes, freed by free. */
static clr_status draw(const clr_reported *run, uint8_t **png, size_t *n)
{
    static const clr_opt_part options[] = {{clr_augment_options, offsetof(sheet_config, augment), NULL},
                                           {clr_image_size_option, offsetof(sheet_config, size), NULL},
                                           {clr_seed_option, offsetof(sheet_config, seed), NULL},
                                           {0}};
    const char *data = clr_settings_text(&run->settings, "data");
    sheet_config config = {.size = 0};
    clr_store *store = NULL;
    clr_opt_set set;

    *png = NULL;
    clr_opt_open(&set, options, &config);
    clr_status st = clr_opt_read_text(&set, run->config, run->result.path, CLR_OPT_RUN);
    if (st == CLR_OK)
        st = clr_opt_finish(&set);
    if (st == CLR_OK)
        st = clr_store_open(data ? data : "", &store);
    if (st == CLR_OK && run->contrastive && *run->settings.dataset &&
        clr_store_info_of(store)->checksum != strtoull(run->settings.dataset, NULL, 16))
        st = clr_fail(CLR_EINPUT, "%s is another dataset now", data);
    if (st == CLR_OK) {
        const clr_contact contact = {&config.augment, config.size,
                                     clr_min64(CLR_CONTACT_FEW, clr_store_info_of(store)->images), config.seed, 0};
        st = clr_contact_png(store, &contact, CLR_CONTACT_WIDE, png, n);
    }
    clr_store_close(store);
    clr_opt_close(&set);
    return st;
}

/* The map that simclr map --output=RUN/map.html left. */
static void put_map(clr_reported *run, int64_t room, FILE *to)
{
    enum { POINT = 60, THUMBNAILS = 600000 /* bytes in the page */ };
    char *path = clr_text("%s/map.tsv", run->result.path);
    clr_map map = {0};
    clr_status st = clr_map_read(path, &map);

    if (st == CLR_EIO)
        clr_report_note(run, st);

    if (st == CLR_OK && map.points && room < map.points * POINT + THUMBNAILS)
        st = clr_fail(CLR_EINPUT, "left out, because the page is to stay small");
    if (st == CLR_OK && map.points) {
        fputs("<h3>Map of the features</h3>\n", to);
        st = clr_map_figures(&map, to);
    }
    if (st != CLR_OK)
        instead(path, clr_message(), to);
    clr_map_free(&map);
    clr_free(path);
}

/* A table of counts, a row a class: its name, then how often it was taken for each class of the header. */
static void put_confusion(clr_reported *run, FILE *to)
{
    enum { MOST = 200, NAME = 256 };
    char *path = clr_text("%s/confusion.tsv", run->result.path), **names = CLR_NEW(char *, MOST);
    clr_tsv table;
    clr_status st = clr_tsv_read(path, false, &table);
    clr_report_note(run, st);
    int n = (int)clr_min64(table.rows, MOST);
    double *share = CLR_NEW(double, n *n + 1);

    for (int i = 0; i < n; i++) {
        const char *line = table.row[i].line;
        names[i] = clr_text("%.*s", (int)strcspn(line, "\t"), line);
    }
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < n; j++) {
            share[i * n + j] = clr_tsv_number(&table, i, names[j]);
            sum += isfinite(share[i * n + j]) ? share[i * n + j] : 0;
        }
        for (int j = 0; j < n; j++)
            share[i * n + j] *= sum > 0 ? 100 / sum : 0;
    }
    if (st == CLR_OK && n) {
        fputs("<h3>Confusion</h3>\n", to);
        clr_heat_table(&(clr_heat){"Rows: the images of a class; columns: what they were taken for, %.", 1, names,
                                   names, n, n, share},
                       to);
    }
    for (int i = 0; i < n; i++)
        clr_free(names[i]);
    clr_free(names);
    clr_free(share);
    clr_tsv_free(&table);
    clr_free(path);
}

void clr_pictures(clr_reported *run, int64_t room, FILE *to)
{
    static const char views[] = "Views: each image, and the two that the network saw of it";
    long before = ftell(to);
    uint8_t *png = NULL;
    size_t n = 0;

    put_confusion(run, to);
    put_file(run, "neighbours.png", "Nearest neighbours: an image in each row, and those with the nearest features",
             room, to);
    put_map(run, room - (ftell(to) - before), to);
    room -= ftell(to) - before;
    if (put_file(run, "views.png", views, room, to))
        return;
    clr_status st = draw(run, &png, &n);
    const char *data = clr_settings_text(&run->settings, "data");
    if (st == CLR_EIO && data && !access(data, F_OK)) /* it is there, and the system refuses to read it */
        clr_report_note(run, st);
    if (st != CLR_OK)
        instead("no contact sheet", clr_message(), to);
    else if ((int64_t)n / 3 * 4 > room)
        instead("no contact sheet", "left out, because the page is to stay small", to);
    else
        figure(png, n, views, to);
    free(png);
}
