/* SPDX-License-Identifier: BSD-3-Clause */
/* The datasets of a group and of those below it. HDF5's own way of visiting follows a ring of groups for ever where
   their counts of links are wrong, so this one counts. */
#include "file.h"

#include "clr/mem.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH = 32, MOST = 1 << 16 };

typedef struct listing {
    clr_h5 *file;
    const char *group; /* absolute, without the last '/' */
    char **names;
    int64_t n, capacity, seen;
    int depth;
    clr_status st;
} listing;

static void add(listing *list, char *name)
{
    if (list->n == list->capacity) {
        list->capacity = 2 * list->capacity + 64;
        char **larger = CLR_NEW(char *, list->capacity);
        if (list->n)
            memcpy(larger, list->names, (size_t)list->n * sizeof *larger);
        clr_free(list->names);
        list->names = larger;
    }
    list->names[list->n++] = name;
}

static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *context);

/* HDF5 1.10 lists a small group from a table, and where one of its links cannot be decoded, frees entries that it
   never filled, and crashes. Looking for a name that cannot be there, longer than such a link may be, decodes all of
   them without a table. */
static bool links_decode(hid_t group)
{
    enum { TOO_LONG = 1 << 16 };
    char *name = clr_alloc(TOO_LONG + 1, 1);

    memset(name, 'x', TOO_LONG);
    bool good = H5Lexists(group, name, H5P_DEFAULT) >= 0;
    clr_free(name);
    return good;
}

/* In no order: sorting a damaged group crashes the same way. */
static void list_group(listing *list, hid_t group, const char *name)
{
    const char *above = list->group;

    list->group = name;
    list->depth++;
    clr_h5_quiet();
    if (list->depth > DEPTH)
        list->st = clr_fail(CLR_EINPUT, "%s: has groups in groups, more than %d deep", list->file->path, DEPTH);
    else if (!links_decode(group) || H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit, list) < 0)
        list->st = list->st != CLR_OK ? list->st : clr_h5_fail(list->file, name, CLR_EINPUT, "cannot be listed");
    list->depth--;
    list->group = above;
}

static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
    listing *list = context;
    char *path = clr_text("%s/%s", list->group, name);
    hid_t object = -1;

    clr_h5_quiet();
    if (++list->seen > MOST)
        list->st = clr_fail(CLR_EINPUT, "%s: has more than %d links", list->file->path, MOST);
    else if (link->type != H5L_TYPE_HARD)
        list->st =
            clr_fail(CLR_EINPUT, "%s: %s is a link that leads elsewhere; only what lies in the file itself is read",
                     list->file->path, path);
    else if ((object = H5Oopen(group, name, H5P_DEFAULT)) < 0)
        list->st = clr_h5_fail(list->file, path, CLR_EINPUT, "cannot be opened");
    H5I_type_t kind = object < 0 ? H5I_BADID : H5Iget_type(object);
    if (kind == H5I_GROUP)
        list_group(list, object, path);
    if (kind == H5I_DATASET)
        add(list, path);
    else
        clr_free(path);
    if (object >= 0)
        H5Oclose(object);
    return list->st == CLR_OK ? 0 : -1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

clr_status clr_h5_list(clr_h5 *file, const char *group, char ***names, int64_t *n)
{
    listing list = {.file = file};
    bool root = !strcmp(group, "/");

    *names = NULL;
    *n = 0;
    clr_status st = root ? CLR_OK : clr_h5_reach(file, group);
    if (st != CLR_OK)
        return st;
    clr_h5_quiet();
    hid_t id = H5Gopen2(file->id, group, H5P_DEFAULT);
    if (id < 0)
        return clr_h5_fail(file, group, CLR_EINPUT, "cannot be opened");
    list_group(&list, id, root ? "" : group);
    H5Gclose(id);
    H5Eclear2(H5E_DEFAULT);
    if (list.st == CLR_OK) {
        if (list.n)
            qsort(list.names, (size_t)list.n, sizeof *list.names, by_name);
        *names = list.names;
        *n = list.n;
        return CLR_OK;
    }
    for (int64_t i = 0; i < list.n; i++)
        clr_free(list.names[i]);
    clr_free(list.names);
    return list.st;
}
