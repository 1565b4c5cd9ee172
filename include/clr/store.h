/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_STORE_H
#define CLR_STORE_H
/* The packed dataset: one HDF5 file. Uniform sizes: /images uint8 (n, H, W, C). Mixed sizes ("ragged"): /pixels
   uint8, /offsets int64 (n + 1), /shapes int32 (n, 3). --store=encoded: /encoded uint8 and /offsets, /shapes as
   decoded. /labels int32 (n) and /classes where known; /names the sources; /checksums int64 (n) of each image's stored
   bytes. Attributes "orientation" ("apply") and "range" ("image", "MIN-MAX") where pixels were not made as they are
   stored (image.h). Local. Reading images needs no lock and may be done by several threads at once; everything else is
   for one. */

#include "clr/err.h"
#include "clr/opt.h"
#include "clr/image.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct clr_store clr_store;

/* --data, into a const char *. */
extern const clr_opt clr_data_option[];

typedef struct clr_store_info {
    int64_t images;
    int channels;              /* of all; 0 where they differ (gray is then read as RGB) */
    int height, width;         /* of all; 0 where they differ */
    int max_height, max_width; /* perhaps of different images */
    int64_t max_pixels;        /* of the largest image, height * width */
    int classes;               /* 0: no labels */
    int present;               /* classes that have an image */
    uint64_t checksum;         /* of the whole content: a dataset's identity in a run's config */
    const char *const *class_names;
} clr_store_info;

/* Tries again for some seconds where the system refuses. The file stays open: what is read later is of the same one. */
clr_status clr_store_open(const char *path, clr_store **store);
void clr_store_close(clr_store *store); /* accepts NULL */
const clr_store_info *clr_store_info_of(const clr_store *store);
const char *clr_store_path(const clr_store *store);
int clr_store_side(const clr_store *store); /* median of the images' shorter sides, pixels */

/* Bytes that reading these n images into one buffer takes, with 1 or 3 channels (each starts at a multiple of 64; a
   little working room is in it). The buffer itself must be aligned to 64. */
int64_t clr_store_bytes(const clr_store *store, const int64_t *ids, int n);

/* Reads images ids[0..n) (any order, sorted inside so that neighbours are read together) into buffer;
   image[i].pixels points into it (not to be freed). channels: 1 or 3: what the caller wants (gray -> RGB by copying,
   RGB -> gray never). Encoded stores are decoded here. Nothing is allocated through clr_alloc. Every image's checksum
   is compared: damage is CLR_EINPUT naming file and image. What the system refuses to read is CLR_EIO (h5.h says what
   that means): the same call may be made again. */
clr_status clr_store_read(clr_store *store, const int64_t *ids, int n, int channels, void *buffer, clr_image *image);

/* All labels (n entries), or NULL where there are none; valid until close. */
const int32_t *clr_store_labels(const clr_store *store);
clr_status clr_store_name(clr_store *store, int64_t id, char **name); /* freed by clr_free */

/* A number for each image (n entries): images of equal pixels and shape have equal ones, others different ones but
   for chance (2^-64). decoded: of an encoded store too, whose images are decoded for it on all threads; else its
   numbers are those of the files' bytes. */
clr_status clr_store_numbers(clr_store *store, bool decoded, uint64_t *number);
bool clr_store_encoded(const clr_store *store, clr_image_rules *rules); /* and by which rules */

/* What two stores have in common, pixel by pixel. */
typedef struct clr_store_overlap {
    int64_t a_in_b, b_in_a; /* images of one that are in the other too */
    int64_t relabelled;     /* of b_in_a, where both have labels: those that a has under other classes only, by name */
} clr_store_overlap;
clr_status clr_store_compare(clr_store *a, clr_store *b, clr_store_overlap *overlap);
clr_status clr_store_repeats(clr_store *store, int64_t *images); /* how many have the stored bytes of an earlier one */

/* Writing: examples one after another, then one commit. The memory needed does not grow with the images' size. An
   image needs a label exactly where the layout has classes (else label is -1), and encoded bytes where it is encoded.
   */
typedef struct clr_store_writer clr_store_writer;
typedef struct clr_store_layout {
    bool encoded;
    const char *const *class_names;
    int classes;
    clr_image_rules rules; /* by which the images were decoded; encoded ones will be so again, whenever they are read */
} clr_store_layout;
clr_status clr_store_create(const char *path, const clr_store_layout *layout, clr_store_writer **writer);
clr_status clr_store_append(clr_store_writer *writer, const clr_image *image, const uint8_t *encoded,
                            int64_t encoded_bytes, int label, const char *name);

/* Whether bytes of images will find room on the disk, which it says where they are many or room is scarce. exact: so
   many there will be, and CLR_EIO where there is no room; else they are an estimate, and it warns. */
clr_status clr_store_room(const clr_store_writer *writer, double bytes, bool exact);

/* Makes the file of what was appended. Frees writer, whatever happens. */
clr_status clr_store_commit(clr_store_writer *writer);
void clr_store_abandon(clr_store_writer *writer); /* leaves nothing behind; accepts NULL */

#endif
