/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of a folder of checkpoints: their names, the search for the newest good one, and the deletion of old
   ones. */
#include "files.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t clr_ckpt_step_of(const char *name)
{
    if (strncmp(name, "step-", 5))
        return -1;
    size_t digits = strspn(name + 5, "0123456789");
    return digits >= 8 && digits <= 18 && !strcmp(name + 5 + digits, ".h5") ? strtoll(name + 5, NULL, 10) : -1;
}

static int is_checkpoint(const struct dirent *entry)
{
    return clr_ckpt_step_of(entry->d_name) >= 0;
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
    int64_t x = clr_ckpt_step_of((*a)->d_name), y = clr_ckpt_step_of((*b)->d_name);

    return (x < y) - (x > y);
}

int clr_ckpt_scan(const char *folder, struct dirent ***entry)
{
    return scandir(folder, entry, is_checkpoint, newest_first);
}

clr_status clr_ckpt_put_latest(const char *folder, const char *name)
{
    char *path = clr_text("%s/latest", folder);
    clr_output output;
    clr_status st = clr_output_open_plain(path, &output);

    clr_free(path);
    if (st != CLR_OK)
        return st;
    fprintf(output.file, "%s\n", name);
    return clr_output_end(&output, true);
}

bool clr_ckpt_any(const char *folder)
{
    struct dirent **entry = NULL;
    int n = clr_ckpt_scan(folder, &entry);
    bool any = n > 0 || (n < 0 && errno != ENOENT);

    for (int i = 0; i < n; i++)
        free(entry[i]);
    free(entry);
    return any;
}

clr_status clr_ckpt_prune(const char *folder, int keep, int64_t step)
{
    struct dirent **entry = NULL;
    int kept = 0, n = clr_ckpt_scan(folder, &entry);
    clr_status st = CLR_OK;

    for (int i = 0; i < n; i++) {
        char *path = clr_text("%s/%s", folder, entry[i]->d_name);
        if (clr_ckpt_step_of(entry[i]->d_name) <= step && kept++ >= keep && unlink(path) && errno != ENOENT)
            st = clr_fail(
                CLR_EIO, "%s: this old checkpoint cannot be deleted: %s; more than --keep=%d stay, and take disk space",
                path, strerror(errno), keep);
        clr_free(path);
        free(entry[i]);
    }
    free(entry);
    return st;
}

/* Writes the file where its text differs; otherwise leaves it untouched. */
static clr_status point_latest(const char *folder, int64_t step)
{
    char *path = clr_text("%s/latest", folder), *name = clr_text("step-%08lld.h5", (long long)step), line[64] = "";
    FILE *file = fopen(path, "r");
    bool good =
        file && fgets(line, sizeof line, file) && !strncmp(line, name, strlen(name)) && line[strlen(name)] == '\n';

    if (file)
        fclose(file);
    clr_status st = good ? CLR_OK : clr_ckpt_put_latest(folder, name);
    clr_free(name);
    clr_free(path);
    return st;
}

clr_status clr_ckpt_set_aside(const char *folder, int64_t step)
{
    struct dirent **entry = NULL;
    clr_status st = CLR_OK;
    int n = clr_ckpt_scan(folder, &entry);

    for (int i = 0; i < n; i++) {
        char *path = clr_text("%s/%s", folder, entry[i]->d_name), *bad = clr_text("%s.bad", path);
        if (clr_ckpt_step_of(entry[i]->d_name) > step && st == CLR_OK) {
            if (rename(path, bad))
                st = clr_fail(CLR_EIO, "%s: cannot be set aside as %s: %s", path, bad, strerror(errno));
            else
                clr_warn("%s: kept as %s, which you may delete", path, bad);
        }
        clr_free(path);
        clr_free(bad);
        free(entry[i]);
    }
    free(entry);
    return st == CLR_OK ? point_latest(folder, step) : st;
}

/* The newest good checkpoint of n; *lost: the newest step among the damaged ones before it. */
static clr_status search(const char *folder, struct dirent **entry, int n, char **path, int64_t *lost)
{
    for (int i = 0; i < n; i++) {
        struct stat attributes;
        char *one = clr_text("%s/%s", folder, entry[i]->d_name);
        clr_status st = clr_ckpt_check(one);
        if (st == CLR_OK) {
            *path = one;
            return CLR_OK;
        }
        bool gone =
            st == CLR_EIO && lstat(one, &attributes) && errno == ENOENT; /* deleted since the folder was listed */
        clr_free(one);
        if (gone)
            continue;
        if (st != CLR_EINPUT && st != CLR_ENUMERIC)
            return clr_fail_in(st, "the newest checkpoint cannot be read now, so it is unknown whether it is good");
        clr_warn("%s; it is skipped", clr_message());
        *lost = clr_max64(*lost, clr_ckpt_step_of(entry[i]->d_name));
    }
    return CLR_OK;
}

clr_status clr_ckpt_newest(const char *folder, char **path)
{
    struct dirent **entry = NULL;
    int64_t lost = 0;
    int n = clr_ckpt_scan(folder, &entry);

    *path = NULL;
    if (n < 0)
        return errno == ENOENT ? CLR_OK : clr_fail(CLR_EIO, "%s: cannot be listed: %s", folder, strerror(errno));
    clr_status st = search(folder, entry, n, path, &lost);
    for (int i = 0; i < n; i++)
        free(entry[i]);
    free(entry);
    if (st == CLR_OK && !*path && lost)
        st = clr_fail(CLR_EINPUT,
                      "%s: no checkpoint here is of use, up to step %lld; to start over, move the folder away", folder,
                      (long long)lost);
    return st;
}
