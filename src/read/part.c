/* SPDX-License-Identifier: BSD-3-Clause */
#include "part.h"

#include "clr/mem.h"
#include "words.h"

#include <string.h>

enum { WRAPPINGS = 4 };

clr_status clr_part_folders(const char *folder, bool parts, clr_names *folders)
{
    clr_names all;
    clr_status st = clr_file_names(folder, &all);
    char rest[CLR_WORD_REST];

    *folders = (clr_names){0};
    if (st != CLR_OK)
        clr_fail_in(st, "%s", folder);
    for (int64_t i = 0; st == CLR_OK && i < all.count; i++) {
        const char *name = all.name[i];
        struct stat attributes;
        bool there;
        if (clr_word_is_dropping(name) || (parts && !clr_word_is_part(clr_word_of(name, (int)strlen(name), rest))))
            continue;
        char *path = clr_text("%s/%s", folder, name);
        if ((st = clr_file_stat(path, false, &attributes, &there)) == CLR_OK && there && S_ISDIR(attributes.st_mode))
            clr_names_add(folders, name);
        if (st != CLR_OK)
            clr_fail_in(st, "%s", path);
        clr_free(path);
    }
    clr_names_free(&all);
    clr_names_sort(folders, NULL);
    return st;
}

/* Of these folders the one that answers --split; the one to go through on the way to it, where none does; NULL:
   neither. */
static clr_status choose(const char *folder, const clr_names *folders, const char *split, const char **found,
                         const char **through)
{
    char rest[CLR_WORD_REST];
    int best = 0;

    *found = *through = NULL;
    for (int64_t i = 0; i < folders->count; i++) {
        const char *name = folders->name[i];
        int answers = clr_word_answers(name, split);
        if (answers && answers == best)
            return clr_fail(CLR_EUSAGE, "%s: --split=%s may be %s or %s: which one?", folder, split, *found, name);
        if (answers > best)
            best = answers, *found = name;
        if (folders->count == 1 || (!*through && clr_word_of(name, (int)strlen(name), rest) == CLR_WORD_IMAGES))
            *through = name;
    }
    return CLR_OK;
}

bool clr_part_leads_up(const char *way)
{
    for (const char *part = way; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (!strncmp(part, "..", 2) && (!part[2] || part[2] == '/'))
            return true;
    return false;
}

clr_status clr_part_find(const char *src, const char *split, char **top)
{
    char *folder = clr_text("%s/%s", src, split);
    struct stat attributes;
    bool there;
    clr_status st = clr_file_stat(folder, false, &attributes, &there);

    *top = NULL;
    if (st != CLR_OK)
        clr_fail_in(st, "%s", folder);
    if (st == CLR_OK && there && S_ISDIR(attributes.st_mode)) {
        *top = folder;
        return CLR_OK;
    }
    if (st == CLR_OK && !there && clr_file_stat(folder, true, &attributes, &there) == CLR_OK && there)
        st = clr_fail(CLR_EIO, "%s: is a link that leads nowhere: is a file system not mounted?", folder);
    clr_free(folder);
    folder = clr_copy_text(src);
    for (int level = 0; st == CLR_OK && !*top && level < WRAPPINGS; level++) {
        const char *found = NULL, *through = NULL;
        clr_names folders;
        if ((st = clr_part_folders(folder, false, &folders)) == CLR_OK)
            st = choose(folder, &folders, split, &found, &through);
        if (st == CLR_OK && found)
            *top = clr_text("%s/%s", folder, found);
        char *next = st == CLR_OK && through ? clr_text("%s/%s", folder, through) : NULL;
        clr_names_free(&folders);
        clr_free(folder);
        folder = next;
        if (!next)
            break;
    }
    clr_free(folder);
    return st;
}
