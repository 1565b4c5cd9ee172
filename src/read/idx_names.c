/* SPDX-License-Identifier: BSD-3-Clause */
#include "clr/mem.h"
#include "file.h"
#include "idx.h"
#include "place.h"
#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { KEY = 64 };

/* The meaning of a file name. key: the words before "images" or "labels", in small letters, joined by "-". */
typedef struct name_parts {
    bool images, labels, gz;
    char key[KEY];
} name_parts;

static void parse(const char *name, name_parts *f)
{
    bool idx = false, strange = false;
    char word[KEY];

    *f = (name_parts){0};
    while (*name) {
        size_t n = strcspn(name, "-._ "), used = strlen(f->key);
        snprintf(word, sizeof word, "%.*s", (int)n, name);
        for (char *c = word; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        name += n + (name[n] != 0);
        if (!*word)
            continue;
        if (!f->images && !f->labels) {
            f->images = !strcmp(word, "images") || !strcmp(word, "image");
            f->labels = !strcmp(word, "labels") || !strcmp(word, "label");
            if (!f->images && !f->labels)
                snprintf(f->key + used, KEY - used, "%s%s", used ? "-" : "", word);
        } else if (!strcmp(word, "gz")) {
            f->gz = true;
        } else if (!strncmp(word, "idx", 3) || !strcmp(word, "ubyte")) {
            idx = true;
        } else {
            strange |= strcmp(word, "int") != 0;
        }
    }
    if (!idx || strange)
        f->images = f->labels = false;
}

bool clr_idx_is_here(const clr_place *place)
{
    name_parts f;

    for (int64_t i = 0; i < place->names.count; i++) {
        parse(place->names.name[i], &f);
        if (f.images)
            return true;
    }
    return false;
}

/* The part that a key's words name: "t10k" and "emnist-letters-test" are CLR_WORD_TEST. */
static clr_word part_of(const char *key)
{
    const char *last = strrchr(key, '-');
    char rest[CLR_WORD_REST];

    last = last ? last + 1 : key;
    return !strcasecmp(last, "t10k") ? CLR_WORD_TEST : clr_word_of(last, (int)strlen(last), rest);
}

/* How well a key matches the split: 3 it is its name, 2 it ends with it, 1 it means the same part. */
static int answers(const char *key, const char *split)
{
    size_t n = strlen(key), m = strlen(split);

    if (!strcasecmp(key, split))
        return 3;
    if (n > m && key[n - m - 1] == '-' && !strcasecmp(key + n - m, split))
        return 2;
    return clr_word_is_part(part_of(key)) && part_of(key) == part_of(split);
}

static clr_status is_file(const char *folder, const char *name, bool *file)
{
    struct stat s;
    bool there;
    char *path = clr_text("%s/%s", folder, name);
    clr_status st = clr_file_stat(path, false, &s, &there);

    *file = there && S_ISREG(s.st_mode);
    if (st != CLR_OK)
        clr_fail_in(st, "%s", path);
    clr_free(path);
    return st;
}

typedef struct candidate {
    const char *name;
    char key[KEY];
} candidate;

enum { MOST = 64 };

/* The files of images in a folder, in the order of names. */
static clr_status candidates(const clr_place *place, candidate list[MOST], int *n)
{
    clr_status st = CLR_OK;

    *n = 0;
    for (int64_t i = 0; st == CLR_OK && i < place->names.count && *n < MOST; i++) {
        name_parts f;
        bool file = false;
        parse(place->names.name[i], &f);
        if (!f.images || (st = is_file(place->path, place->names.name[i], &file)) != CLR_OK || !file)
            continue;
        list[*n].name = place->names.name[i];
        memcpy(list[(*n)++].key, f.key, KEY);
    }
    return st;
}

static void name_keys(const candidate *list, int n, char *text, size_t capacity)
{
    size_t used = 0;

    *text = 0;
    for (int i = 0; i < n && used < capacity; i++)
        if (!i || strcmp(list[i].key, list[i - 1].key))
            used += (size_t)snprintf(text + used, capacity - used, "%s%s", used ? ", " : "", list[i].key);
}

/* The file that answers the split best. Of names that differ in their spelling alone the first one counts. */
static clr_status choose(const clr_place *place, const char *split, const char **name)
{
    char keys[400];
    candidate list[MOST];
    const char *wanted = split ? split : "train";
    int n, best = 0, chosen = 0;
    bool several = false, alike = true;
    clr_status st = candidates(place, list, &n);

    if (st != CLR_OK)
        return st;
    name_keys(list, n, keys, sizeof keys);
    for (int i = 0; i < n; i++) {
        int how = answers(list[i].key, wanted);
        several = how > best ? false : several || (how && how == best && strcmp(list[i].key, list[chosen].key));
        alike &= !strcmp(list[i].key, list[0].key);
        if (how > best)
            best = how, chosen = i;
    }
    if (several)
        return clr_fail(CLR_EUSAGE, "%s: holds several datasets; --split=NAME chooses one of %s", place->path, keys);
    if (best || (!split && n && alike && !clr_word_is_part(part_of(list[0].key)))) {
        *name = list[chosen].name;
        return CLR_OK;
    }
    clr_word part = part_of(wanted);
    if (part != CLR_WORD_TRAIN && part != CLR_WORD_TEST)
        return clr_fail(CLR_EUSAGE, "--split=%s: %s has only %s", split, place->path, keys);
    return clr_fail(CLR_EINPUT, "%s: has no images of the part %s (%s-images-idx3-ubyte); there are: %s", place->path,
                    wanted, part == CLR_WORD_TRAIN ? "train" : "t10k", keys);
}

/* The labels of a file of images: the same key, and compressed or not just as it is, where there are both. */
static clr_status find_labels(const char *folder, const clr_names *names, const name_parts *of, char **labels)
{
    const char *found = NULL;
    clr_status st = CLR_OK;
    bool alike = false;

    for (int64_t i = 0; st == CLR_OK && i < names->count; i++) {
        name_parts f;
        bool file;
        parse(names->name[i], &f);
        if (!f.labels || strcmp(f.key, of->key) || (st = is_file(folder, names->name[i], &file)) != CLR_OK || !file)
            continue;
        if (!found || (!alike && f.gz == of->gz))
            found = names->name[i], alike = f.gz == of->gz;
    }
    *labels = found && st == CLR_OK ? clr_text("%s/%s", folder, found) : NULL;
    return st;
}

clr_status clr_idx_find(const clr_place *place, const char *split, char **images, char **labels, bool *emnist)
{
    name_parts f;
    clr_names beside = {0};
    clr_status st = CLR_OK;
    const char *name = clr_file_name_of(place->path);
    char *folder = place->folder ? clr_copy_text(place->path) : clr_file_folder_of(place->path);

    *images = *labels = NULL;
    if (place->folder)
        st = choose(place, split, &name);
    else if (split)
        st = clr_fail(CLR_EUSAGE, "--split=%s: %s is a single file; --split chooses within a folder", split,
                      place->path);
    else if ((st = clr_file_names(folder, &beside)) != CLR_OK)
        clr_fail_in(st, "%s", folder);
    if (st == CLR_OK) {
        parse(name, &f);
        *emnist = !strncmp(f.key, "emnist", 6);
        *images = place->folder ? clr_text("%s/%s", folder, name) : clr_copy_text(place->path);
        if (f.images)
            st = find_labels(folder, place->folder ? &place->names : &beside, &f, labels);
    }
    clr_names_free(&beside);
    clr_free(folder);
    return st;
}
