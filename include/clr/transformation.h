/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_TRANSFORMATION_H
#define CLR_TRANSFORMATION_H
/* Table 3 of SimCLR: one of several transformations is applied to each image at random, and a classifier predicts from
   the image's features which one. Local. */

#include "clr/augment.h"

#include <stdint.h>

enum { CLR_TRANSFORMATION_CLASSES = 4 };

typedef struct clr_transformation {
    const char *name; /* gray, rotate, noise, sobel */
    int classes;
    const char *class_name[CLR_TRANSFORMATION_CLASSES];
    clr_augment view[CLR_TRANSFORMATION_CLASSES]; /* makes an image of that class */
    double share[CLR_TRANSFORMATION_CLASSES];     /* of the images, on average */
} clr_transformation;

#define CLR_TRANSFORMATION_WORDS "gray|rotate|noise|sobel"

/* word: one of them, else CLR_EUSAGE. */
clr_status clr_transformation_check(const char *word);

/* Views are made by the operators that a network learned from, a list as of --augment, without the transformation's
   own, then by the transformation of the class. CLR_EUSAGE where these are too many, or where this version does not
   know one of them. */
clr_status clr_transformation_of(const char *word, const char *learned_from, clr_transformation *transformation);

/* A dataset whose images are transformed: the class of each image, and the key of the draws that make its view. */
typedef struct clr_transformed {
    const clr_transformation *by;
    int32_t *label;      /* (images), by the dataset's numbers; freed by clr_free */
    uint64_t seed, part; /* part: 0 training images, 1 test images: other draws for each */
} clr_transformed;
clr_transformed clr_transformed_of(const clr_transformation *by, uint64_t seed, uint64_t part, int64_t images);

#endif
