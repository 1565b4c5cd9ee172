/* SPDX-License-Identifier: BSD-3-Clause */
/* views: a contact sheet. Each cell is an image as the store holds it, then its first and its second view, as a run
   with these settings would see them in its first epoch. */
#include "clr/augment.h"
#include "clr/cmd.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/sampler.h"
#include "clr/sheet.h"
#include "clr/store.h"
#include "clr/tensor.h"

#include <inttypes.h>
#include <stdio.h>

enum { PARTS = 1 + CLR_VIEWS };

typedef struct settings {
    const char *preset;
    clr_augment_pair augment;
    int size;
    int64_t images, seed, epoch;
    bool force;
} settings;

#define AT(field) offsetof(settings, field)
static const clr_opt own[] = {{"images", CLR_OPT_LONG, AT(images), "24", "N", 1, 400, NULL, 0, "how many are shown"},
                              {"epoch", CLR_OPT_LONG, AT(epoch), "0", "N", 0, 1e9, NULL, 0, "of the run"},
                              {0}};
static const clr_opt_part options[] = {{clr_augment_options, AT(augment), NULL},
                                       {clr_image_size_option, AT(size), NULL},
                                       {own, 0, NULL},
                                       {clr_seed_option, AT(seed), NULL},
                                       {clr_force_option, AT(force), NULL},
                                       {clr_preset_option, AT(preset), NULL},
                                       {0}};

/* Floats of a thread's working space. */
static size_t scratch_floats(const clr_store_info *info, int size, int channels)
{
    return clr_augment_floats(info->max_pixels, info->max_width, channels, size);
}

/* Whether a sheet of these images fits into the memory, with the room for resizing them. */
static clr_status check_memory(const clr_store_info *info, int64_t images, const clr_sheet *s)
{
    int size = s->size;
    double bytes = (double)clr_sheet_bytes(s),
           need = bytes + (double)sizeof(float) * (double)scratch_floats(info, size, s->image.channels);
    const clr_budget budget = clr_memory_budget(1);

    if (need > 0.8 * (double)budget.bytes && need > 2 * bytes)
        return clr_fail(
            CLR_EMEMORY,
            "images of up to %d x %d pixels take %.1f GB to be resized, and %.1f GB are there (%s); pack them with "
            "--resize-shorter=%d",
            info->max_width, info->max_height, need * 1e-9, (double)budget.bytes * 1e-9, budget.by,
            clr_augment_enough(size));
    if (need > 0.8 * (double)budget.bytes)
        return clr_fail(
            CLR_EMEMORY,
            "a sheet of %" PRId64
            " images of %d x %d takes %.1f GB, and %.1f GB are there (%s); give a smaller --images or --image-size",
            images, size, size, need * 1e-9, (double)budget.bytes * 1e-9, budget.by);
    return CLR_OK;
}

/* Fills the sheet from the first images of the epoch. */
static clr_status draw(clr_store *store, const settings *a, clr_sheet *s)
{
    const clr_store_info *info = clr_store_info_of(store);
    const clr_sampler sampler = {(uint64_t)a->seed, info->images, a->images};
    const clr_augment none = {0};
    int channels = s->image.channels, size = a->size;
    float *scratch = CLR_NEW(float, scratch_floats(info, size, channels));
    float *picture = CLR_NEW(float, (int64_t)size *size *channels);
    clr_status st = CLR_OK;

    for (int64_t i = 0; i < a->images && st == CLR_OK; i++) {
        int64_t id = clr_sampler_at(&sampler, a->epoch, i);
        void *bytes = clr_alloc((size_t)clr_store_bytes(store, &id, 1), 1);
        clr_image image;
        st = clr_store_read(store, &id, 1, channels, bytes, &image);
        for (int part = 0; part < PARTS && st == CLR_OK; part++) {
            clr_augment_apply(part ? &a->augment.view[part - 1] : &none, &image, size, (uint64_t)a->seed,
                              (uint64_t)a->epoch, (uint64_t)id, part ? (uint32_t)(part - 1) : 0, scratch, picture);
            clr_sheet_put(s, i, part, picture);
        }
        clr_free(bytes);
    }
    clr_free(picture);
    clr_free(scratch);
    return st;
}

static clr_status run(clr_comm *comm, void *config, const clr_opt_set *set)
{
    settings *a = config;
    const char *data = set->argument[0], *out = set->argument[1];
    clr_store *store = NULL;
    clr_sheet s = {0};

    (void)comm;
    clr_status st = clr_output_check(out, a->force);
    if (st == CLR_OK)
        st = clr_output_apart(out, data);
    if (st == CLR_OK)
        st = clr_store_open(data, &store);
    if (st == CLR_OK) {
        const clr_store_info *info = clr_store_info_of(store);
        a->images = clr_min64(a->images, info->images);
        s = clr_sheet_of(a->images, 0, PARTS, a->size, info->channels == 1 ? 1 : 3);
        st = check_memory(info, a->images, &s);
    }
    if (st == CLR_OK) {
        clr_sheet_open(&s);
        st = draw(store, a, &s);
    }
    if (st == CLR_OK)
        st = clr_image_write_png(out, &s.image);
    if (st == CLR_OK)
        printf("views images=%" PRId64 " size=%d height=%d width=%d augment=%s out=%s\n", a->images, a->size,
               s.image.height, s.image.width, clr_opt_value(set, "augment"), out);
    clr_image_free(&s.image);
    clr_store_close(store);
    return st;
}

const clr_command clr_command_views = {.name = "views",
                                       .arguments = "DATA.h5 OUT.png",
                                       .help = "a contact sheet: images and their two views, for an --augment",
                                       .example = "simclr views --augment=crop,flip,color:0.5 train.h5 sheet.png",
                                       .options = options,
                                       .config_bytes = sizeof(settings),
                                       .least = 2,
                                       .most = 2,
                                       .alone = true,
                                       .run = run};
