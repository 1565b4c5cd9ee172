/* SPDX-License-Identifier: BSD-3-Clause */
/* Control groups: where the groups of this process lie. /proc/self/cgroup names a group for each hierarchy,
     "0::/slurm/job_1/step_0" (version 2), "9:cpu,cpuacct:/slurm/..." (version 1);
   /proc/self/mountinfo says where the hierarchy is mounted, and which of its groups is the mount's root: a container
   sees only the end of the tree. */
#include "limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t clr_number_at(const char *folder, const char *name, const char *key)
{
    char path[CLR_GROUP_PATH + 64], text[8192];
    size_t length = strlen(key), have = 0;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    int from = file ? fileno(file) : open(path, O_RDONLY | O_CLOEXEC); /* a stream takes memory, which may be out */
    if (from < 0)
        return UINT64_MAX;
    for (ssize_t n; have < sizeof text - 1 && (n = read(from, text + have, sizeof text - 1 - have)) > 0;)
        have += (size_t)n;
    if (file)
        fclose(file);
    else
        close(from);
    text[have] = 0;
    for (char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        unsigned long long value;
        if (!strncmp(line, key, length))
            return sscanf(line + length, "%llu", &value) == 1 ? value : UINT64_MAX;
    }
    return UINT64_MAX;
}

/* Whether word is in a list separated by commas. */
static bool listed(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = list; at; at = strchr(at, ','), at += at != NULL)
        if (!strncmp(at, word, n) && (!at[n] || at[n] == ','))
            return true;
    return false;
}

/* The rest of path below the mount's root group, or NULL where path lies elsewhere. */
static const char *below(const char *path, const char *root)
{
    size_t n = strcmp(root, "/") ? strlen(root) : 0;

    return !strncmp(path, root, n) && (!path[n] || path[n] == '/') ? path + n : NULL;
}

/* "36 35 0:31 /docker/ab /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory": into folder, the group at path.
   Whether it lies there. */
static bool mounted(char *line, bool v2, const char *controller, const char *root, const char *path,
                    char folder[CLR_GROUP_PATH], size_t *top)
{
    char group[512], mount[512], type[16], options[256];
    char *second = strstr(line, " - ");
    const char *rest;

    line[strcspn(line, "\n")] = 0;
    if (!second || sscanf(line, "%*s %*s %*s %511s %511s", group, mount) != 2 ||
        sscanf(second, " - %15s %*s %255s", type, options) != 2 || strcmp(type, v2 ? "cgroup2" : "cgroup") ||
        (!v2 && !listed(options, controller)))
        return false;
    if (!(rest = below(path, group)) && *folder)
        return false;
    *top = strlen(root) + strlen(mount);
    snprintf(folder, CLR_GROUP_PATH, "%s%s%s", root, mount,
             rest ? rest : ""); /* otherwise only the mount's root is visible */
    return rest != NULL;
}

/* The folder of the group at path; *top: the length of its mount point. Without a list of mounts the usual place is
   taken. */
static void find(const char *root, bool v2, const char *controller, const char *path, char folder[CLR_GROUP_PATH],
                 size_t *top)
{
    char line[4096];

    *folder = 0;
    snprintf(line, sizeof line, "%s/proc/self/mountinfo", root);
    FILE *file = fopen(line, "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = mounted(line, v2, controller, root, path, folder, top);
    if (file)
        fclose(file);
    if (*folder)
        return;
    *top = (size_t)snprintf(line, sizeof line, "%s/sys/fs/cgroup%s%s", root, v2 ? "" : "/", v2 ? "" : controller);
    snprintf(folder, CLR_GROUP_PATH, "%.*s%s", (int)*top, line, path);
}

void clr_groups(const char *root, const char *controller, void (*visit)(const char *folder, bool v2, void *context),
                void *context)
{
    char line[4096], folder[CLR_GROUP_PATH], *kinds, *path;
    size_t top = 0;

    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (!(kinds = strchr(line, ':')) || !(path = strchr(++kinds, ':')))
            continue;
        *path++ = 0;
        path[strcspn(path, "\n")] = 0;
        bool v2 = !*kinds;
        if (!v2 && !listed(kinds, controller))
            continue;
        find(root, v2, controller, strcmp(path, "/") ? path : "", folder, &top);
        for (char *slash;; *slash = 0) {
            visit(folder, v2, context);
            if (!(slash = strrchr(folder, '/')) || slash < folder + top)
                break;
        }
    }
    if (file)
        fclose(file);
}
