/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the reader of a path and owns what all of them share. */
#include "clr/read.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "place.h"
#include "readers.h"

#include <stdio.h>
#include <string.h>

#define DECLARE(name) extern const clr_reader clr_reader_##name;
CLR_READERS(DECLARE)
#define ENTRY(name) &clr_reader_##name,
static const clr_reader *const readers[] = {CLR_READERS(ENTRY) NULL};

/* The reader, if not the last one, that takes a folder inside this one; its path in *inner, freed by clr_free. */
static const clr_reader *find_inside(const clr_place *place, char **inner)
{
    enum { ENOUGH = 64 };
    const clr_reader *found = NULL;

    *inner = NULL;
    for (int64_t i = 0; i < place->names.count && i < ENOUGH && !found; i++) {
        struct stat attributes;
        bool there;
        clr_place inside = {0};
        clr_free(*inner);
        *inner = clr_text("%s/%s", place->path, place->names.name[i]);
        if (clr_file_stat(*inner, false, &attributes, &there) == CLR_OK && there && S_ISDIR(attributes.st_mode) &&
            clr_place_open(*inner, &inside) == CLR_OK)
            for (const clr_reader *const *reader = readers; reader[1] && !found; reader++)
                found = (*reader)->probe(&inside) ? *reader : NULL;
        clr_place_close(&inside);
    }
    return found;
}

/* Why nothing can be packed. */
static clr_status nothing(const clr_place *place)
{
    char known[400] = "", *inner = NULL;
    const clr_reader *inside = find_inside(place, &inner);

    for (const clr_reader *const *reader = readers; *reader; reader++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? "; " : "", (*reader)->help);
    }
    if (inside)
        clr_fail(CLR_EINPUT, "%s: holds no .png, .jpg or .jpeg files, but %s is %s: give that", place->path, inner,
                 inside->help);
    else
        clr_place_foreign(place, known);
    clr_free(inner);
    return CLR_EINPUT;
}

static clr_status open_by(const clr_reader *reader, const clr_place *place, const clr_read_how *how, clr_source *source)
{
    source->reader = reader;
    clr_status st = reader->open(place, how, source);
    if (!source->folder)
        source->folder = place->folder ? clr_copy_text(place->path) : clr_file_folder_of(place->path);
    if (st == CLR_OK && source->examples == 0)
        st = reader == readers[sizeof readers / sizeof *readers - 2]
                 ? nothing(place)
                 : clr_fail(CLR_EINPUT, "%s: holds no images", place->path);
    if (st != CLR_OK)
        clr_read_close(source);
    return st;
}

clr_status clr_read_open_how(const char *path, const clr_read_how *how, clr_source *source)
{
    const clr_reader *found = NULL;
    clr_place place;

    *source = (clr_source){0};
    if (how->split && !*how->split)
        return clr_fail(CLR_EUSAGE, "--split= names no part");
    clr_status st = clr_place_open(path, &place);
    for (const clr_reader *const *reader = readers; st == CLR_OK && *reader && !found; reader++)
        found = (*reader)->probe(&place) ? *reader : NULL;
    if (st == CLR_OK)
        st = found ? open_by(found, &place, how, source) : nothing(&place);
    clr_place_close(&place);
    return st;
}

clr_status clr_read_open(const char *path, const char *split, clr_source *source)
{
    return clr_read_open_how(path, &(clr_read_how){.split = split}, source);
}

void clr_read_say(const clr_source *s, const char *path)
{
    enum { FIRST = 10 };
    char text[800] = "";
    size_t used = 0;

    for (int i = 0; i < s->class_count && i < FIRST && used < sizeof text; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.60s", i ? ", " : ": ", s->classes[i]);
        if (s->per_class && used < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, " %lld", (long long)s->per_class[i]);
    }
    clr_info("%s: %lld images, %d classes (%s)%s%s", path, (long long)s->examples, s->class_count, s->reader->name,
             text, s->class_count > FIRST ? ", ..." : "");
}

void clr_read_close(clr_source *source)
{
    if (source->reader)
        source->reader->close(source);
    for (int i = 0; i < source->class_count && source->classes; i++)
        clr_free(source->classes[i]);
    clr_free(source->classes);
    clr_free(source->per_class);
    clr_free(source->folder);
    *source = (clr_source){0};
}
