/* SPDX-License-Identifier: BSD-3-Clause */
/* DIR/config: the resolved options, and a line "# dataset CHECKSUM IMAGES" that ties the run to its images. */
#include "folder.h"

#include "length.h"

#include "clr/ckpt.h"
#include "clr/h5.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/plain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __VERSION__
#define COMPILER __VERSION__
#else
#define COMPILER "an unknown compiler"
#endif

static clr_status make(const char *path)
{
    char *part = clr_copy_text(path);
    clr_status st = CLR_OK;

    for (char *slash = strchr(part + 1, '/'); st == CLR_OK; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = 0;
        int error = mkdir(part, 0777) ? errno : 0;
        if (error && error != EEXIST && access(part, X_OK)) /* some servers refuse before they look */
            st = clr_fail(CLR_EIO, "%s: this folder cannot be made: %s", part, strerror(error));
        if (!slash)
            break;
        *slash = '/';
    }
    clr_free(part);
    return st;
}

static clr_status write_text(const char *path, const char *text)
{
    clr_output output;
    clr_status st = clr_output_open_plain(path, &output);

    if (st != CLR_OK)
        return st;
    fputs(text, output.file);
    return clr_output_end(&output, true);
}

char *clr_folder_text(const clr_run *run)
{
    char *resolved = clr_opt_write(run->options);
    char *text =
        clr_text("# simclr %s, %s, %s, compiled by %s\n# dataset %016" PRIx64 " %" PRId64 "\n%s", PACKAGE_VERSION,
                 clr_comm_library(), clr_h5_library(), COMPILER, run->task->checksum, run->task->samples, resolved);
    clr_free(resolved);
    return text;
}

static clr_status same_data(const clr_run *run, const char *earlier)
{
    const char *line = strstr(earlier, "# dataset ");
    const clr_task *task = run->task;
    uint64_t checksum;
    int64_t images;

    if (!line || sscanf(line, "# dataset %" SCNx64 " %" SCNd64, &checksum, &images) != 2 || clr_run_allows(run, "data"))
        return CLR_OK;
    if (checksum == task->checksum && images == task->samples)
        return CLR_OK;
    return clr_fail(CLR_ECONFIG,
                    "data: %" PRId64 " images with checksum %016" PRIx64 " -> %s with %" PRId64
                    " images and checksum %016" PRIx64,
                    images, checksum, task->data, task->samples, task->checksum);
}

clr_status clr_folder_compare(const clr_run *run, const char *earlier, int64_t done)
{
    const char *given = run->config->allow_change;
    char *allowed = clr_run_lengthens(earlier, run->text, done)
                        ? clr_text("epochs,steps,schedule,%s", given ? given : "")
                        : clr_copy_text(given ? given : "");
    clr_status st = clr_opt_compare(run->options, earlier, allowed);

    clr_free(allowed);
    return st == CLR_OK ? same_data(run, earlier) : st;
}

static clr_status same_run(const clr_run *run, const char *earlier)
{
    clr_status st = clr_folder_compare(run, earlier, clr_run_saved(run->config->run_dir));

    return st == CLR_OK
               ? st
               : clr_fail_in(
                     st, "%s belongs to another run; choose another --run-dir, or name the change in --allow-change",
                     run->config->run_dir);
}

/* Tries now whether the files that the run writes later can be written, rather than fail after an epoch. */
static clr_status check_names(const char *folder)
{
    static const char *const names[] = {"config", "log", "metrics.tsv", "plan", "checkpoints/latest"};
    clr_status st = CLR_OK;

    for (size_t i = 0; i < sizeof names / sizeof *names && st == CLR_OK; i++) {
        char *path = clr_text("%s/%s", folder, names[i]);
        st = clr_plain_check(path);
        clr_free(path);
    }
    return st;
}

/* What a killed job left, on whatever host. */
static void reclaim(const char *folder)
{
    static const char *const beginnings[] = {"config.tmp-", "metrics.tsv.tmp-", "plan.tmp-", "metrics.jsonl.tmp-",
                                             "events.out.tfevents.simclr.tmp-"};

    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        clr_output_reclaim(folder, beginnings[i]);
}

enum { CONFIG = 1 << 20 }; /* bytes */

clr_status clr_folder_check(const clr_run *run)
{
    const char *folder = run->config->run_dir;
    char *path = clr_text("%s/config", folder), *checkpoints = clr_text("%s/checkpoints", folder), *earlier = NULL;
    clr_status st = clr_plain_read(path, CONFIG, &earlier);

    if (st == CLR_OK && earlier &&
        clr_ckpt_any(checkpoints)) /* a start that was refused before its first is no run yet */
        st = same_run(run, earlier);
    clr_free(earlier);
    clr_free(checkpoints);
    clr_free(path);
    return st;
}

/* Making the folder, its lock, the comparison, and only then the first write. */
clr_status clr_folder_open(clr_run *run)
{
    const char *folder = run->config->run_dir;
    char *log = clr_text("%s/log", folder);
    clr_status st = make(folder);

    if (st == CLR_OK)
        st = clr_lock_take(folder, &run->lock);
    if (st == CLR_OK)
        st = check_names(folder);
    if (st == CLR_OK)
        st = clr_folder_check(run);
    if (st == CLR_OK)
        reclaim(folder);
    if (st == CLR_OK)
        st = clr_log_file(log);
    if (st != CLR_OK) {
        clr_lock_drop(run->lock);
        run->lock = NULL;
    }
    clr_free(log);
    return st;
}

clr_status clr_folder_put_config(const clr_run *run)
{
    char *path = clr_text("%s/config", run->config->run_dir), *earlier = NULL;
    clr_status st = clr_plain_read(path, CONFIG, &earlier);

    if (st == CLR_OK && (!earlier || strcmp(earlier, run->text)))
        st = write_text(path, run->text);
    clr_free(earlier);
    clr_free(path);
    return st;
}
