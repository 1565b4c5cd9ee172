/* Checkpoint files. A dataset a parameter, named and shaped as torchvision has it:

     /model/<name>                          float32, of weights and running statistics
     /model/<batch norm>.num_batches_tracked  int64, a scalar
     /optimizer/<optimizer>/<slot>/<name>   float32, of weights

   Reading fills an image of its own first, so that what fails changes nothing. */
#include "clr/ckpt.h"

#include "image.h"

#include "clr/h5.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/plain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    return st;
}

clr_status clr_ckpt_write_image(const char *path, const clr_ckpt_facts *facts, const clr_ckpt_image *image, float *scratch)
{
    clr_h5 *file = NULL;
    char name[NAME];

    clr_h5_lock();
    clr_status st = clr_plain_check(path);
    if (st == CLR_OK)
        st = clr_h5_create(path, &file);
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
    float *scratch = CLR_NEW(float, clr_ckpt_scratch(&image));
    clr_status st = clr_ckpt_write_image(path, facts, &image, scratch);

    clr_free(scratch);
    return st;
}

void clr_ckpt_facts_free(clr_ckpt_facts *facts)
{
    clr_free(facts->config);
    clr_free(facts->version);
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
        st = clr_fail(CLR_EINPUT, "%s: is not a checkpoint: its format is %s%s%s, not '%s'", path, have ? "'" : "", have ? have : "not stated",
                      have ? "'" : "", format);
    clr_free(have);
    if (st != CLR_OK) {
        clr_h5_close(*file);
        *file = NULL;
    }
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
    facts->seed = (uint64_t)seed;
    if (st != CLR_OK)
        clr_ckpt_facts_free(facts);
    return st;
}

clr_status clr_ckpt_read_facts(const char *path, clr_ckpt_facts *facts)
{
    clr_h5 *file = NULL;

    *facts = (clr_ckpt_facts){0};
    clr_h5_lock();
    clr_status st = open_checkpoint(path, &file);
    if (st == CLR_OK)
        st = read_facts(file, facts);
    clr_h5_close(file);
    clr_h5_unlock();
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
    if (st == CLR_OK)
        clr_entry_from_file(entry, scratch, block + entry->offset);
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

clr_status clr_ckpt_read(const char *path, clr_params *params, clr_optim *optim)
{
    clr_ckpt_image target = clr_ckpt_image_of(params, optim), image = clr_ckpt_image_like(&target);
    float *scratch = CLR_NEW(float, clr_ckpt_scratch(&image));
    clr_h5 *file = NULL;

    clr_h5_lock();
    clr_status st = open_checkpoint(path, &file);
    if (st == CLR_OK)
        st = clr_h5_verify(file, NULL);
    if (st == CLR_OK)
        st = check_names(file, &image);
    if (st == CLR_OK)
        st = each(file, &image, scratch, read_one);
    if (st == CLR_OK)
        st = read_counters(file, &image);
    clr_h5_close(file);
    clr_h5_unlock();
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
    bool any = n > 0 || (n < 0 && errno != ENOENT);

    for (int i = 0; i < n; i++)
        free(entry[i]);
    free(entry);
    return any;
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
    return st;
}

static clr_status check_file(const char *path)
{
    clr_ckpt_facts facts = {0};
    clr_h5 *file = NULL;

    clr_h5_lock();
    clr_status st = open_checkpoint(path, &file);
    if (st == CLR_OK)
        st = read_facts(file, &facts);
    if (st == CLR_OK)
        st = clr_h5_verify(file, NULL);
    clr_h5_close(file);
    clr_h5_unlock();
    clr_ckpt_facts_free(&facts);
    return st;
}

clr_status clr_ckpt_newest(const char *folder, char **path)
{
    struct dirent **entry = NULL;
    int64_t lost = 0;
    int n = clr_ckpt_scan(folder, &entry);

    *path = NULL;
    if (n < 0)
        return errno == ENOENT ? CLR_OK : clr_fail(CLR_EIO, "%s: cannot be listed: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        char *one = clr_text("%s/%s", folder, entry[i]->d_name);
        if (*path) {
            clr_free(one);
        } else if (check_file(one) == CLR_OK) {
            *path = one;
        } else {
            clr_warn("%s; passed over", clr_message());
            lost = clr_max64(lost, clr_ckpt_step_of(entry[i]->d_name));
            clr_free(one);
        }
        free(entry[i]);
    }
    free(entry);
    if (!*path && lost)
        return clr_fail(CLR_EINPUT, "%s: no checkpoint here can be read, up to step %lld; to start over, move the folder away", folder,
                        (long long)lost);
    return CLR_OK;
}
