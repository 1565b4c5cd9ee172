/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of names: of a folder's entries, of classes. */
#include "clr/mem.h"
#include "clr/read.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *clr_file_grow(void *old, size_t used, size_t capacity)
{
    void *block = clr_alloc(capacity, 1);

    if (used)
        memcpy(block, old, used);
    clr_free(old);
    return block;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void clr_names_add(clr_names *names, const char *text)
{
    size_t bytes = strlen(text) + 1;

    if (names->used + bytes > names->capacity) {
        names->capacity = 2 * (names->capacity + bytes);
        names->text = clr_file_grow(names->text, names->used, names->capacity);
    }
    memcpy(names->text + names->used, text, bytes);
    names->used += bytes;
    names->count++;
}

void clr_names_sort(clr_names *names, int (*compare)(const void *, const void *))
{
    char *next = names->text;

    clr_free(names->name);
    names->name = CLR_NEW(char *, names->count);
    for (int64_t i = 0; i < names->count; i++, next += strlen(next) + 1)
        names->name[i] = next;
    if (names->count)
        qsort(names->name, (size_t)names->count, sizeof *names->name, compare ? compare : by_bytes);
}

void clr_names_free(clr_names *names)
{
    clr_free(names->text);
    clr_free(names->name);
    *names = (clr_names){0};
}

/* One attempt; 0 or errno's value. */
static int list_once(const char *folder, clr_names *names)
{
    struct dirent *entry;
    DIR *dir = opendir(folder);

    if (!dir)
        return errno;
    while (errno = 0, (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            clr_names_add(names, entry->d_name);
    int error = errno;
    closedir(dir);
    return error;
}

clr_status clr_file_names(const char *folder, clr_names *names)
{
    int error;

    *names = (clr_names){0};
    for (int attempt = 0; (error = list_once(folder, names)); attempt++) {
        clr_names_free(names);
        if (!clr_file_again(error, attempt))
            return clr_fail(CLR_EIO, "cannot be listed: %s", strerror(error));
    }
    clr_names_sort(names, NULL);
    return CLR_OK;
}

clr_status clr_file_classes(const char *folder, const char *names, int first, int n, clr_source *source)
{
    struct stat attributes;
    uint8_t *bytes = NULL;
    int64_t length = 0;
    bool there = false;
    char *path = names ? clr_text("%s/%s", folder, names) : NULL;
    clr_status st = path ? clr_file_stat(path, false, &attributes, &there) : CLR_OK;

    source->classes = CLR_NEW(char *, n);
    source->class_count = n;
    for (int i = 0; i < n; i++)
        source->classes[i] = clr_text("%d", first + i);
    if (st == CLR_OK && there)
        st = clr_file_read(path, &bytes, &length);
    if (st != CLR_OK)
        clr_fail_in(st, "%s", path);
    const char *text = (const char *)bytes;
    for (int64_t at = 0, i = 0; at < length && i < n; at++) {
        int64_t from = at;
        while (at < length && text[at] && text[at] != '\r' && text[at] != '\n')
            at++;
        if (at == from)
            continue;
        clr_free(source->classes[i]);
        source->classes[i++] = clr_text("%.*s", (int)(at - from), text + from);
    }
    clr_free(bytes);
    clr_free(path);
    return st;
}
