/* Checkpoint files. A dataset a parameter, named and shaped as torchvision has it:

     /model/<name>                          float32, of weights and running statistics
     /model/<batch norm>.num_batches_tracked  int64, a scalar
     /optimizer/<optimizer>/<slot>/<name>   float32, of weights
     /plan                                  text, the convolution solvers; and the attribute layout

   Reading fills an image of its own first, so that what fails changes nothing. What is written, and what is read, is finite. */
#include "clr/ckpt.h"

#include "image.h"

#include "clr/h5.h"
#include "clr/log.h"
#include "clr/mem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char format[] = "simclr checkpoint 1", mean[] = ".running_mean";

enum { NAME = 256 };

typedef clr_status action(clr_h5 *file, const char *name, const clr_entry *entry, float *block, float *scratch);

/* Does action to every block of floats in a checkpoint, in the order of the tables. */
static clr_status each(clr_h5 *file, const clr_ckpt_image *image, float *scratch, action *act)
{
    char name[NAME];
    clr_status st = CLR_OK;

    for (int i = 0; i < image->weights->entries && st == CLR_OK; i++) {
        const clr_entry *entry = &image->weights->entry[i];
        snprintf(name, sizeof name, "/model/%s", entry->name);
        st = act(file, name, entry, image->value, scratch);
        for (int s = 0; s < image->slots && st == CLR_OK; s++) {
            snprintf(name, sizeof name, "/optimizer/%s/%s/%s", image->optimizer, image->slot_name[s], entry->name);
            st = act(file, name, entry, image->slot[s], scratch);
        }
    }
    for (int i = 0; i < image->states->entries && st == CLR_OK; i++) {
        snprintf(name, sizeof name, "/model/%s", image->states->entry[i].name);
        st = act(file, name, &image->states->entry[i], image->state, scratch);
    }
    return st;
}

static clr_status check_one(clr_h5 *file, const char *name, const clr_entry *entry, float *block, float *scratch)
{
    const float *x = block + entry->offset;
    bool good = true;
    int64_t i = 0;
    (void)file, (void)scratch;

    for (int64_t k = 0; k < entry->count; k++)
        good &= isfinite(x[k]) != 0;
    if (good)
        return CLR_OK;
    while (isfinite(x[i]))
        i++;
    return clr_fail(CLR_ENUMERIC, "%s[%lld] is %g", name, (long long)i, (double)x[i]);
}

clr_status clr_ckpt_image_check(const clr_ckpt_image *image, int64_t step)
{
    clr_status st = each(NULL, image, NULL, check_one);

    return st == CLR_OK ? st : clr_fail_in(st, "after step %lld, which is not saved", (long long)step);
}

/* The name of the counter beside a running mean; false for other entries. */
static bool counter_of(const clr_entry *entry, char name[NAME])
{
    size_t n = strlen(entry->name), m = sizeof mean - 1;

    if (n < m || strcmp(entry->name + n - m, mean))
        return false;
    snprintf(name, NAME, "/model/%.*s.num_batches_tracked", (int)(n - m), entry->name);
    return true;
}

static clr_status write_one(clr_h5 *file, const char *name, const clr_entry *entry, float *block, float *scratch)
{
    int64_t shape[CLR_H5_RANK];
    int rank = clr_entry_shape(entry, shape);

    clr_entry_to_file(entry, block + entry->offset, scratch);
    return clr_h5_write(file, name, CLR_H5_F32, rank, shape, scratch);
}

static clr_status write_facts(clr_h5 *file, const clr_ckpt_facts *facts)
{
    clr_status st = clr_h5_set_text(file, "format", format);

    if (st == CLR_OK)
        st = clr_h5_set_int(file, "step", facts->step);
    if (st == CLR_OK)
        st = clr_h5_set_real(file, "epoch", facts->epoch);
    if (st == CLR_OK)
        st = clr_h5_set_int(file, "seed", (int64_t)facts->seed);
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "config", facts->config ? facts->config : "");
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "simclr_version", facts->version ? facts->version : PACKAGE_VERSION);
    if (st == CLR_OK && facts->layout)
        st = clr_h5_set_text(file, "layout", facts->layout);
    if (st == CLR_OK && facts->plan)
        st = clr_h5_write_texts(file, "/plan", (const char *const *)&facts->plan, 1);
    return st;
}

clr_status clr_ckpt_write_image(const char *path, const clr_ckpt_facts *facts, const clr_ckpt_image *image, float *scratch)
{
    clr_h5 *file = NULL;
    char name[NAME];

    clr_h5_lock();
    clr_status st = clr_h5_create(path, &file);
    if (st == CLR_OK)
        st = write_facts(file, facts);
    if (st == CLR_OK)
        st = each(file, image, scratch, write_one);
    for (int i = 0; i < image->states->entries && st == CLR_OK; i++)
        if (counter_of(&image->states->entry[i], name))
            st = clr_h5_write(file, name, CLR_H5_I64, 0, NULL, &image->batches);
    if (st == CLR_OK)
        st = clr_h5_commit(file);
    else
        clr_h5_discard(file);
    clr_h5_unlock();
    return st;
}

clr_status clr_ckpt_write(const char *path, const clr_ckpt_facts *facts, const clr_params *params, clr_optim *optim)
{
    clr_ckpt_image image = clr_ckpt_image_of(params, optim);
    clr_status st = clr_ckpt_image_check(&image, facts->step);

    if (st != CLR_OK)
        return st;
    float *scratch = CLR_NEW(float, clr_ckpt_scratch(&image));
    st = clr_ckpt_write_image(path, facts, &image, scratch);
    clr_free(scratch);
    return st;
}

void clr_ckpt_facts_free(clr_ckpt_facts *facts)
{
    clr_free(facts->config);
    clr_free(facts->version);
    clr_free(facts->plan);
    clr_free(facts->layout);
    *facts = (clr_ckpt_facts){0};
}

/* Opens a file and makes sure that it is a checkpoint. */
static clr_status open_checkpoint(const char *path, clr_h5 **file)
{
    char *have = NULL;
    clr_status st = clr_h5_open(path, file);

    if (st != CLR_OK)
        return st;
    st = clr_h5_get_text(*file, "format", &have);
    if (st != CLR_OK || strcmp(have, format))
        st = clr_fail(CLR_EINPUT, "%s: is %s checkpoint: its format is %s%s%s, not '%s'", path, have && strstr(have, "dataset") ? "a dataset, not a" : "not a", have ? "'" : "", have ? have : "not stated",
                      have ? "'" : "", format);
    clr_free(have);
    if (st != CLR_OK) {
        st = clr_h5_finish(*file, st);
        *file = NULL;
    }
    return st;
}

/* What files of before do not have. */
static clr_status read_later_facts(clr_h5 *file, clr_ckpt_facts *facts)
{
    char **texts = NULL;
    int64_t n = 0;

    if (clr_h5_get_text(file, "layout", &facts->layout) != CLR_OK)
        facts->layout = NULL;
    if (!clr_h5_has(file, "/plan"))
        return CLR_OK;
    clr_status st = clr_h5_verify(file, "/plan");
    if (st == CLR_OK)
        st = clr_h5_read_texts(file, "/plan", &texts, &n);
    for (int64_t i = 0; i < n; i++)
        if (i == 0)
            facts->plan = texts[i];
        else
            clr_free(texts[i]);
    clr_free(texts);
    return st;
}

static clr_status read_facts(clr_h5 *file, clr_ckpt_facts *facts)
{
    int64_t seed = 0;
    clr_status st = clr_h5_get_int(file, "step", &facts->step);

    if (st == CLR_OK)
        st = clr_h5_get_real(file, "epoch", &facts->epoch);
    if (st == CLR_OK)
        st = clr_h5_get_int(file, "seed", &seed);
    if (st == CLR_OK)
        st = clr_h5_get_text(file, "config", &facts->config);
    if (st == CLR_OK)
        st = clr_h5_get_text(file, "simclr_version", &facts->version);
    if (st == CLR_OK)
        st = read_later_facts(file, facts);
    facts->seed = (uint64_t)seed;
    if (st == CLR_OK && (facts->step < 0 || !(facts->epoch >= 0 && isfinite(facts->epoch))))
        st = clr_fail(CLR_EINPUT, "%s: says that it is of step %lld, epoch %g", clr_h5_path(file), (long long)facts->step, facts->epoch);
    if (st != CLR_OK)
        clr_ckpt_facts_free(facts);
    return st;
}

static clr_status read_facts_once(const char *path, clr_ckpt_facts *facts)
{
    clr_h5 *file = NULL;

    *facts = (clr_ckpt_facts){0};
    clr_h5_lock();
    clr_status st = open_checkpoint(path, &file);
    if (st == CLR_OK)
        st = read_facts(file, facts);
    st = clr_h5_finish(file, st);
    clr_h5_unlock();
    if (st != CLR_OK)
        clr_ckpt_facts_free(facts);
    return st;
}

clr_status clr_ckpt_read_facts(const char *path, clr_ckpt_facts *facts)
{
    clr_status st;
    int tries = 0;

    do
        st = read_facts_once(path, facts);
    while (clr_h5_again(st, &tries));
    return st;
}

static const char *shape_text(int rank, const int64_t *shape, char text[80])
{
    int n = snprintf(text, 80, "(");

    for (int i = 0; i < rank; i++)
        n += snprintf(text + n, (size_t)(80 - n), "%s%lld", i ? ", " : "", (long long)shape[i]);
    snprintf(text + n, (size_t)(80 - n), ")");
    return text;
}

static clr_status read_one(clr_h5 *file, const char *name, const clr_entry *entry, float *block, float *scratch)
{
    int64_t have[CLR_H5_RANK], want[CLR_H5_RANK];
    char text[2][80];
    int rank, wanted = clr_entry_shape(entry, want);
    clr_status st = clr_h5_shape(file, name, NULL, &rank, have);

    if (st != CLR_OK)
        return st;
    if (rank != wanted || memcmp(have, want, (size_t)rank * sizeof *have))
        return clr_fail(CLR_EINPUT, "%s: %s has the shape %s; this network's is %s", clr_h5_path(file), name,
                        shape_text(rank, have, text[0]), shape_text(wanted, want, text[1]));
    st = clr_h5_read(file, name, CLR_H5_F32, entry->count, scratch);
    if (st == CLR_OK) {
        clr_entry flat = {.count = entry->count};
        st = check_one(file, name, &flat, scratch, NULL);
        if (st != CLR_OK)
            return clr_fail_in(st, "%s: was saved after its numbers ceased to be finite, and is of no use; take an older one", clr_h5_path(file));
        clr_entry_from_file(entry, scratch, block + entry->offset);
    }
    return st;
}

/* All batch norms of a run have seen the same number of batches. */
static clr_status read_counters(clr_h5 *file, clr_ckpt_image *image)
{
    char name[NAME];
    int found = 0;

    for (int i = 0; i < image->states->entries; i++) {
        int64_t n = 0;
        if (!counter_of(&image->states->entry[i], name))
            continue;
        clr_status st = clr_h5_read(file, name, CLR_H5_I64, 1, &n);
        if (st != CLR_OK)
            return st;
        if (found++ && n != image->batches)
            return clr_fail(CLR_EINPUT, "%s: %s is %lld, elsewhere it is %lld", clr_h5_path(file), name, (long long)n,
                            (long long)image->batches);
        image->batches = n;
    }
    return CLR_OK;
}

static bool known(const clr_ckpt_image *image, const char *name)
{
    char counter[NAME];

    for (int i = 0; i < image->weights->entries; i++)
        if (!strcmp(name + strlen("/model/"), image->weights->entry[i].name))
            return true;
    for (int i = 0; i < image->states->entries; i++)
        if (!strcmp(name + strlen("/model/"), image->states->entry[i].name) ||
            (counter_of(&image->states->entry[i], counter) && !strcmp(name, counter)))
            return true;
    return false;
}

/* Nothing in /model that the network lacks, but for an online probe, which only training needs; and the optimizer's state, where it is
   wanted, is this optimizer's. */
static clr_status check_names(clr_h5 *file, const clr_ckpt_image *image)
{
    char **names = NULL, group[NAME];
    int64_t n = 0;
    clr_status st = clr_h5_list(file, "/model", &names, &n);

    for (int64_t i = 0; i < n; i++) {
        if (st == CLR_OK && !known(image, names[i]) && (image->slots || strncmp(names[i], "/model/online/", strlen("/model/online/"))))
            st = clr_fail(CLR_EINPUT, "%s: holds %s, which this network does not have", clr_h5_path(file), names[i]);
        clr_free(names[i]);
    }
    clr_free(names);
    if (st != CLR_OK || !image->slots)
        return st;
    snprintf(group, sizeof group, "/optimizer/%s", image->optimizer);
    if (!clr_h5_has(file, "/optimizer"))
        return clr_fail(CLR_EINPUT, "%s: holds weights only, no state of an optimizer", clr_h5_path(file));
    if (!clr_h5_has(file, group))
        return clr_fail(CLR_EINPUT, "%s: holds the state of another optimizer, not of %s", clr_h5_path(file), image->optimizer);
    return CLR_OK;
}

/* Fills image. */
static clr_status read_once(const char *path, clr_ckpt_image *image, float *scratch)
{
    clr_h5 *file = NULL;

    clr_h5_lock();
    clr_status st = open_checkpoint(path, &file);
    if (st == CLR_OK)
        st = clr_h5_verify(file, NULL);
    if (st == CLR_OK)
        st = check_names(file, image);
    if (st == CLR_OK)
        st = each(file, image, scratch, read_one);
    if (st == CLR_OK)
        st = read_counters(file, image);
    st = clr_h5_finish(file, st);
    clr_h5_unlock();
    return st;
}

clr_status clr_ckpt_read(const char *path, clr_params *params, clr_optim *optim)
{
    clr_ckpt_image target = clr_ckpt_image_of(params, optim), image = clr_ckpt_image_like(&target);
    float *scratch = CLR_NEW(float, clr_ckpt_scratch(&image));
    clr_status st;
    int tries = 0;

    do
        st = read_once(path, &image, scratch);
    while (clr_h5_again(st, &tries));
    if (st == CLR_OK) {
        clr_ckpt_image_copy(&target, &image);
        params->batches = image.batches;
    }
    clr_ckpt_image_close(&image);
    clr_free(scratch);
    return st;
}

bool clr_ckpt_any(const char *folder)
{
    struct dirent **entry = NULL;
    int n = clr_ckpt_scan(folder, &entry);

    for (int i = 0; i < n; i++)
        free(entry[i]);
    free(entry);
    return n > 0 || (n < 0 && errno != ENOENT);
}

/* Writes it where it says otherwise, or nothing. */
static clr_status point_latest(const char *folder, int64_t step)
{
    char *path = clr_text("%s/latest", folder), *name = clr_text("step-%08lld.h5", (long long)step), line[64] = "";
    FILE *file = fopen(path, "r");
    bool good = file && fgets(line, sizeof line, file) && !strncmp(line, name, strlen(name)) && line[strlen(name)] == '\n';

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

static clr_status check_once(const char *path)
{
    clr_ckpt_facts facts = {0};
    clr_h5 *file = NULL;

    clr_h5_lock();
    clr_status st = open_checkpoint(path, &file);
    if (st == CLR_OK)
        st = read_facts(file, &facts);
    if (st == CLR_OK && facts.step != clr_ckpt_step_of(strrchr(path, '/') + 1))
        st = clr_fail(CLR_EINPUT, "%s: is of step %lld, not of the one in its name", path, (long long)facts.step);
    if (st == CLR_OK)
        st = clr_h5_verify_finite(file);
    st = clr_h5_finish(file, st);
    clr_h5_unlock();
    clr_ckpt_facts_free(&facts);
    return st;
}

/* CLR_EINPUT, CLR_ENUMERIC: it is of no use. Anything else: nothing is known of it. */
static clr_status check_file(const char *path)
{
    clr_status st;
    int tries = 0;

    do
        st = check_once(path);
    while (clr_h5_again(st, &tries));
    return st;
}

/* The newest good one of n; *lost: the newest step of those before it. */
static clr_status search(const char *folder, struct dirent **entry, int n, char **path, int64_t *lost)
{
    for (int i = 0; i < n; i++) {
        struct stat facts;
        char *one = clr_text("%s/%s", folder, entry[i]->d_name);
        clr_status st = check_file(one);
        if (st == CLR_OK) {
            *path = one;
            return CLR_OK;
        }
        bool gone = st == CLR_EIO && lstat(one, &facts) && errno == ENOENT; /* deleted since the folder was listed */
        clr_free(one);
        if (gone)
            continue;
        if (st != CLR_EINPUT && st != CLR_ENUMERIC)
            return clr_fail_in(st, "nothing is known of the newest checkpoint until it can be read");
        clr_warn("%s; passed over", clr_message());
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
        st = clr_fail(CLR_EINPUT, "%s: no checkpoint here is of use, up to step %lld; to start over, move the folder away", folder, (long long)lost);
    return st;
}
