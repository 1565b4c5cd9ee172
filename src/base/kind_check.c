/* SPDX-License-Identifier: BSD-3-Clause */
/* What is given for an HDF5 file, and is none. */
#include "clr/kind.h"

#include "clr/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Guesses from its contents why a folder was given: it is a run, or it holds one file that should be given instead
   (*inside, freed by clr_free). */
static bool is_run(const char *path, char **inside)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    bool run = false;

    while (folder && (entry = readdir(folder))) {
        size_t n = strlen(entry->d_name);
        run |= !strcmp(entry->d_name, "checkpoints");
        if (!*inside && n > 3 && !strcmp(entry->d_name + n - 3, ".h5"))
            *inside = clr_text("%s/%s", path, entry->d_name);
    }
    if (folder)
        closedir(folder);
    return run;
}

static clr_status refuse_folder(const char *path, const char *wanted)
{
    char *inside = NULL;
    bool run = is_run(path, &inside);
    clr_status st = CLR_EINPUT;

    if (run)
        clr_fail(st, "%s: is a run directory, not %s", path, wanted);
    else if (inside)
        clr_fail(st, "%s: is a folder, not %s; is %s meant?", path, wanted, inside);
    else
        clr_fail(st, "%s: is a folder, not %s; `simclr pack %s OUT.h5` makes a dataset of a folder of images", path,
                 wanted, path);
    clr_free(inside);
    return st;
}

clr_status clr_kind_check(const char *path, bool dataset)
{
    const char *wanted = dataset ? "a dataset" : "a checkpoint",
               *how = "`simclr pack FOLDER OUT.h5` makes a dataset of a folder of images, IDX or CIFAR files";
    uint8_t head[CLR_KIND_HEAD];
    struct stat attributes;

    if (stat(path, &attributes) || (!S_ISDIR(attributes.st_mode) && !S_ISREG(attributes.st_mode)))
        return CLR_OK;
    if (S_ISDIR(attributes.st_mode))
        return refuse_folder(path, wanted);
    FILE *file = fopen(path, "rbe");
    size_t length = file ? fread(head, 1, sizeof head, file) : 0;
    bool known = file && !ferror(file);
    if (file)
        fclose(file);
    if (!known)
        return CLR_OK;
    if (!length)
        return clr_fail(CLR_EINPUT, "%s: is an empty file, not %s; make or fetch it again", path, wanted);
    const clr_kind *kind = clr_kind_of(head, length);
    if (!kind || !strcmp(kind->name, "an HDF5 file"))
        return CLR_OK;
    if (kind->of == CLR_KIND_LOST)
        return clr_fail(CLR_EINPUT, "%s: is %s; %s", path, kind->name, kind->remedy);
    if (!dataset || kind->of == CLR_KIND_OTHER)
        return clr_fail(CLR_EINPUT, "%s: is %s, not %s", path, kind->name, wanted);
    return clr_fail(CLR_EINPUT, "%s: is %s, not %s; %s%s%s", path, kind->name, wanted,
                    kind->of == CLR_KIND_HOLDER ? kind->remedy : "", kind->of == CLR_KIND_HOLDER ? "; " : "", how);
}
