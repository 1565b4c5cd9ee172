/* Images of checkpoints in memory, and the names of their files. */
#include "image.h"

#include "clr/mem.h"

#include <stdlib.h>
#include <string.h>

clr_ckpt_image clr_ckpt_image_of(const clr_params *params, clr_optim *optim)
{
    clr_ckpt_image image = {.weights = &params->weights,
                            .states = &params->states,
                            .value = params->value,
                            .state = params->state,
                            .batches = params->batches};

    if (optim) {
        image.optimizer = clr_optim_name(optim);
        image.slots = clr_optim_slots(optim);
        CLR_CHECK(image.slots <= CLR_CKPT_SLOTS);
    }
    for (int i = 0; i < image.slots; i++) {
        image.slot_name[i] = clr_optim_slot_name(optim, i);
        image.slot[i] = clr_optim_slot(optim, i);
    }
    return image;
}

clr_ckpt_image clr_ckpt_image_like(const clr_ckpt_image *image)
{
    clr_ckpt_image own = *image;

    own.value = CLR_NEW(float, image->weights->floats);
    own.state = CLR_NEW(float, image->states->floats);
    for (int i = 0; i < image->slots; i++)
        own.slot[i] = CLR_NEW(float, image->weights->floats);
    return own;
}

void clr_ckpt_image_copy(clr_ckpt_image *to, const clr_ckpt_image *from)
{
    size_t weights = (size_t)from->weights->floats * sizeof(float), states = (size_t)from->states->floats * sizeof(float);

    memcpy(to->value, from->value, weights);
    memcpy(to->state, from->state, states);
    for (int i = 0; i < from->slots; i++)
        memcpy(to->slot[i], from->slot[i], weights);
    to->batches = from->batches;
}

void clr_ckpt_image_close(clr_ckpt_image *image)
{
    clr_free(image->value);
    clr_free(image->state);
    for (int i = 0; i < image->slots; i++)
        clr_free(image->slot[i]);
    *image = (clr_ckpt_image){0};
}

int64_t clr_ckpt_scratch(const clr_ckpt_image *image)
{
    int64_t most = 1;

    for (int i = 0; i < image->weights->entries; i++)
        most = clr_max64(most, image->weights->entry[i].count);
    for (int i = 0; i < image->states->entries; i++)
        most = clr_max64(most, image->states->entry[i].count);
    return most;
}

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
