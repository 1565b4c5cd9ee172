/* SPDX-License-Identifier: BSD-3-Clause */
/* info FILE: what a dataset, a checkpoint, a file of features or a run directory holds, every checksum verified. */
#include "clr/cmd.h"
#include "clr/mem.h"
#include "clr/store.h"
#include "info.h"
#include "runs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct config {
    bool all;
} config;

static const clr_opt own[] = {{.name = "all",
                               .kind = CLR_OPT_FLAG,
                               .offset = offsetof(config, all),
                               .initial = "no",
                               .help = "list every dataset of the file with its checksum, not only the first ones"},
                              {0}};
static const clr_opt_part options[] = {{own, 0, NULL}, {0}};

/* Two datasets: what they share. */
static clr_status compare(const char *const path[2])
{
    clr_store *store[2] = {NULL, NULL};
    clr_store_overlap o;
    clr_status st = clr_store_open(path[0], &store[0]);

    if (st == CLR_OK)
        st = clr_store_open(path[1], &store[1]);
    if (st == CLR_OK)
        st = clr_store_compare(store[0], store[1], &o);
    if (st == CLR_OK) {
        const clr_store_info *a = clr_store_info_of(store[0]), *b = clr_store_info_of(store[1]);
        printf("%s: %lld images, of which %lld are in %s too, pixel by pixel\n", path[0], (long long)a->images,
               (long long)o.a_in_b, path[1]);
        printf("%s: %lld images, of which %lld are in %s too, %lld of them in another class\n", path[1],
               (long long)b->images, (long long)o.b_in_a, path[0], (long long)o.relabelled);
        printf("info kind=comparison images=%lld,%lld common=%lld,%lld relabelled=%lld same=%s files=%s,%s\n",
               (long long)a->images, (long long)b->images, (long long)o.a_in_b, (long long)o.b_in_a,
               (long long)o.relabelled, a->checksum == b->checksum ? "yes" : "no", path[0], path[1]);
    }
    clr_store_close(store[0]);
    clr_store_close(store[1]);
    return st;
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const config *c = settings;
    const char *path = set->argument[0], *kind = "run";
    clr_info_total t = {0};
    struct stat attributes;
    (void)comm;

    if (set->arguments == 2)
        return compare(set->argument);
    if (stat(path, &attributes))
        return clr_fail(CLR_EIO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(attributes.st_mode)) {
        char *name = clr_text("%s/config", path);
        int error = stat(name, &attributes) ? errno : 0;
        clr_free(name);
        if (error && error != ENOENT)
            return clr_fail(CLR_EIO, "%s/config: %s", path, strerror(error));
        if (error && clr_runs_count(path) > 0)
            return clr_runs_list(path);
        if (error)
            return clr_fail(CLR_EINPUT,
                            "%s: is a folder without a file `config`, so no run directory, and there is none in it; "
                            "`simclr pack %s OUT.h5` makes a dataset of a folder of images",
                            path, path);
        clr_info_run(path, &t);
    } else {
        kind = clr_info_file(path, c->all, &t);
    }
    printf("info kind=%s datasets=%lld damaged=%lld unchecked=%lld unreadable=%lld nonfinite=%lld file=%s\n", kind,
           (long long)t.datasets, (long long)t.damaged, (long long)t.unchecked, (long long)t.unreadable,
           (long long)t.nonfinite, path);
    return t.st == CLR_OK ? CLR_OK : clr_fail(t.st, "%s", t.why);
}

const clr_command clr_command_info = {
    .name = "info",
    .arguments = "FILE|RUN_DIR|FOLDER [OTHER.h5]",
    .help =
        "what a dataset, checkpoint or run directory holds, every checksum verified; the runs of a folder; what two "
        "datasets share",
    .example = "simclr info runs/a",
    .options = options,
    .config_bytes = sizeof(config),
    .least = 1,
    .most = 2,
    .alone = true,
    .run = run};
