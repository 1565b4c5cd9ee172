/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_READ_IDX_H
#define CLR_READ_IDX_H
/* Names of IDX files: KEY-images-idx3-ubyte beside KEY-labels-idx1-ubyte, their words parted by -, ., _ or blanks in
   any mixture, compressed or not. KEY says which part of which dataset it is: train, t10k, emnist-letters-test. Local.
 */

#include "clr/err.h"

#include <stdbool.h>

struct clr_place;

/* Whether a folder has names of IDX files of images. */
bool clr_idx_is_here(const struct clr_place *place);

/* The images' file of a part of a folder, or of a single file, and the labels that belong to it (*labels is NULL where
   there are none); both freed by clr_free. emnist: whether the name says that they are EMNIST's. */
clr_status clr_idx_find(const struct clr_place *place, const char *split, char **images, char **labels, bool *emnist);

#endif
