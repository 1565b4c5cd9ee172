/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CONTACT_H
#define CLR_CONTACT_H
/* A contact sheet of a dataset: each cell is an image as the store holds it, then its first and its second view, as a
   run with these settings sees them. Local. */
#include "clr/augment.h"
#include "clr/sheet.h"
#include "clr/store.h"

enum { CLR_CONTACT_PARTS = 1 + CLR_VIEWS };
enum { CLR_CONTACT_FEW = 8, CLR_CONTACT_WIDE = 640 }; /* images and pixels of one that goes into a log or a page */

typedef struct clr_contact {
    const clr_augment_pair *augment;
    int size;       /* side of a view, pixels */
    int64_t images; /* the first so many of the epoch; no more than the store has */
    int64_t seed, epoch;
} clr_contact;

/* The layout of its sheet, which takes no memory yet; CLR_EMEMORY where it would not fit. */
clr_status clr_contact_plan(const clr_store *store, const clr_contact *contact, clr_sheet *sheet);

/* Opens and fills the sheet; its image is freed by clr_image_free, also after a failure. */
clr_status clr_contact_draw(clr_store *store, const clr_contact *contact, clr_sheet *sheet);

/* The sheet as the bytes of a PNG, freed by free; shrunk where it is wider than most pixels. */
clr_status clr_contact_png(clr_store *store, const clr_contact *contact, int most, uint8_t **png, size_t *bytes);

#endif
