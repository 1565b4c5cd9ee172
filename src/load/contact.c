/* SPDX-License-Identifier: BSD-3-Clause */
#include "clr/contact.h"

#include "clr/mem.h"
#include "clr/sampler.h"

#include <inttypes.h>

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

clr_status clr_contact_plan(const clr_store *store, const clr_contact *contact, clr_sheet *sheet)
{
    const clr_store_info *info = clr_store_info_of(store);

    *sheet = clr_sheet_of(contact->images, 0, CLR_CONTACT_PARTS, contact->size, info->channels == 1 ? 1 : 3);
    return check_memory(info, contact->images, sheet);
}

clr_status clr_contact_draw(clr_store *store, const clr_contact *a, clr_sheet *s)
{
    const clr_store_info *info = clr_store_info_of(store);
    const clr_sampler sampler = {(uint64_t)a->seed, info->images, a->images};
    const clr_augment none = {0};
    int channels = s->image.channels, size = a->size;
    float *scratch = CLR_NEW(float, scratch_floats(info, size, channels));
    float *picture = CLR_NEW(float, (int64_t)size *size *channels);
    clr_status st = CLR_OK;

    clr_sheet_open(s);
    for (int64_t i = 0; i < a->images && st == CLR_OK; i++) {
        int64_t id = clr_sampler_at(&sampler, a->epoch, i);
        void *bytes = clr_alloc((size_t)clr_store_bytes(store, &id, 1), 1);
        clr_image image;
        st = clr_store_read(store, &id, 1, channels, bytes, &image);
        for (int part = 0; part < CLR_CONTACT_PARTS && st == CLR_OK; part++) {
            clr_augment_apply(part ? &a->augment->view[part - 1] : &none, &image, size, (uint64_t)a->seed,
                              (uint64_t)a->epoch, (uint64_t)id, part ? (uint32_t)(part - 1) : 0, scratch, picture);
            clr_sheet_put(s, i, part, picture);
        }
        clr_free(bytes);
    }
    clr_free(picture);
    clr_free(scratch);
    return st;
}

clr_status clr_contact_png(clr_store *store, const clr_contact *contact, int most, uint8_t **png, size_t *bytes)
{
    clr_sheet sheet = {0};
    clr_image small = {0};
    clr_status st = clr_contact_plan(store, contact, &sheet);

    *png = NULL;
    *bytes = 0;
    if (st == CLR_OK)
        st = clr_contact_draw(store, contact, &sheet);
    if (st == CLR_OK) {
        int64_t shorter = sheet.image.width < sheet.image.height ? sheet.image.width : sheet.image.height;
        if (sheet.image.width > most)
            shorter = clr_max64(1, shorter * most / sheet.image.width);
        clr_image_shrink(&sheet.image, (int)shorter, &small);
        st = clr_image_encode_png(&small, png, bytes);
    }
    clr_image_free(&small);
    clr_image_free(&sheet.image);
    return st;
}
