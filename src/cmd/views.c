/* SPDX-License-Identifier: BSD-3-Clause */
/* views: a contact sheet (clr/contact.h), of a run that has not begun. */
#include "clr/cmd.h"
#include "clr/contact.h"
#include "clr/output.h"
#include "clr/tensor.h"

#include <inttypes.h>
#include <stdio.h>

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

static clr_status run(clr_comm *comm, void *config, const clr_opt_set *set)
{
    settings *a = config;
    const char *data = set->argument[0], *out = set->argument[1];
    clr_store *store = NULL;
    clr_sheet s = {0};
    clr_contact contact = {.augment = &a->augment, .size = a->size, .seed = a->seed, .epoch = a->epoch};

    (void)comm;
    clr_status st = clr_output_check(out, a->force);
    if (st == CLR_OK)
        st = clr_output_apart(out, data);
    if (st == CLR_OK)
        st = clr_store_open(data, &store);
    if (st == CLR_OK) {
        contact.images = a->images = clr_min64(a->images, clr_store_info_of(store)->images);
        st = clr_contact_plan(store, &contact, &s);
    }
    if (st == CLR_OK)
        st = clr_contact_draw(store, &contact, &s);
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
