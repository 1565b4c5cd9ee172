/* Finds the reader of a path and owns what all of them share. */
#include "clr/read.h"

#include "clr/mem.h"
#include "file.h"
#include "readers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DECLARE(name) extern const clr_reader clr_reader_##name;
CLR_READERS(DECLARE)
#define ENTRY(name) &clr_reader_##name,
static const clr_reader *const readers[] = {CLR_READERS(ENTRY) NULL};

/* path where it is a folder, else the one that it lies in. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return clr_file_is_folder(path) ? clr_copy_text(path) : slash ? clr_text("%.*s", (int)(slash - path), path) : clr_copy_text(".");
}

clr_status clr_read_open(const char *path, const char *split, clr_source *source)
{
    struct stat facts;
    char known[400] = "";

    *source = (clr_source){0};
    if (stat(path, &facts))
        return clr_fail(CLR_EIO, "%s: %s", path, strerror(errno));
    for (const clr_reader *const *reader = readers; *reader; reader++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? "; " : "", (*reader)->help);
        if (!(*reader)->probe(path))
            continue;
        source->reader = *reader;
        clr_status st = (*reader)->open(path, split, source);
        if (!source->folder)
            source->folder = folder_of(path);
        if (st == CLR_OK && source->examples == 0)
            st = clr_fail(CLR_EINPUT, "%s: holds no images", path);
        if (st != CLR_OK)
            clr_read_close(source);
        return st;
    }
    return clr_fail(CLR_EINPUT, "%s: is nothing that can be packed, which is: %s", path, known);
}

void clr_read_close(clr_source *source)
{
    if (source->reader)
        source->reader->close(source);
    for (int i = 0; i < source->class_count && source->classes; i++)
        clr_free(source->classes[i]);
    clr_free(source->classes);
    clr_free(source->folder);
    *source = (clr_source){0};
}
