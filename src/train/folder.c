/* DIR/config: the resolved options, and a line "# dataset CHECKSUM IMAGES" that ties the run to its images. */
#include "folder.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static clr_status make(const char *path)
{
    char *part = clr_copy_text(path);
    clr_status st = CLR_OK;

    for (char *slash = strchr(part + 1, '/'); st == CLR_OK; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = 0;
        if (mkdir(part, 0777) && errno != EEXIST)
            st = clr_fail(CLR_EIO, "%s: this folder cannot be made: %s", part, strerror(errno));
        if (!slash)
            break;
        *slash = '/';
    }
    clr_free(part);
    return st;
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;

    if (!file)
        return NULL;
    enum { MOST = 1 << 16 };
    text = CLR_NEW(char, MOST);
    text[fread(text, 1, MOST - 1, file)] = 0;
    fclose(file);
    return text;
}

static clr_status write_text(const char *path, const char *text)
{
    char *temporary = clr_text("%s.tmp", path);
    FILE *file = fopen(temporary, "w");
    bool good = file && fputs(text, file) >= 0 && !fflush(file) && !fsync(fileno(file));

    if (file)
        good = !fclose(file) && good;
    if (!good || rename(temporary, path)) {
        clr_fail(CLR_EIO, "%s: cannot be written: %s", path, strerror(errno));
        good = false;
        unlink(temporary);
    }
    clr_free(temporary);
    return good ? CLR_OK : CLR_EIO;
}

static clr_status same_run(const clr_config *config, const clr_opt_set *options, const clr_store_facts *data, const char *earlier)
{
    uint64_t checksum;
    int64_t images;
    const char *line = strstr(earlier, "# dataset ");
    clr_status st = clr_opt_compare(options, earlier, config->allow_change);

    if (st == CLR_OK && line && sscanf(line, "# dataset %" SCNx64 " %" SCNd64, &checksum, &images) == 2 &&
        (checksum != data->checksum || images != data->images) && !(config->allow_change && strstr(config->allow_change, "data")))
        st = clr_fail(CLR_ECONFIG, "its dataset had %" PRId64 " images with checksum %016" PRIx64 ", this one has %" PRId64 " with %016" PRIx64,
                      images, checksum, data->images, data->checksum);
    return st == CLR_OK ? st
                        : clr_fail_in(st, "%s belongs to another run; choose another --run-dir, or name the change in --allow-change",
                                      config->run_dir);
}

clr_status clr_folder_open(const clr_config *config, const clr_opt_set *options, const clr_store_facts *data, clr_lock **lock)
{
    char *checkpoints = clr_text("%s/checkpoints", config->run_dir), *path = clr_text("%s/config", config->run_dir),
         *log = clr_text("%s/log", config->run_dir), *earlier = NULL;
    clr_status st = make(checkpoints);

    if (st == CLR_OK)
        st = clr_lock_take(config->run_dir, lock);
    if (st == CLR_OK && (earlier = read_text(path)))
        st = same_run(config, options, data, earlier);
    if (st == CLR_OK) {
        char *resolved = clr_opt_write(options);
        char *text = clr_text("# simclr %s\n# dataset %016" PRIx64 " %" PRId64 "\n%s", PACKAGE_VERSION, data->checksum, data->images, resolved);
        st = write_text(path, text);
        clr_free(text);
        clr_free(resolved);
    }
    int error = st == CLR_OK ? clr_log_file(log) : 0;
    if (error)
        st = clr_fail(CLR_EIO, "%s: cannot be written: %s", log, strerror(error));
    if (st != CLR_OK) {
        clr_lock_drop(*lock);
        *lock = NULL;
    }
    clr_free(earlier);
    clr_free(checkpoints);
    clr_free(path);
    clr_free(log);
    return st;
}
