/* SPDX-License-Identifier: BSD-3-Clause */
/* The augmentations, one file each: `const clr_augment_op clr_augment_NAME`. */
#define CLR_AUGMENT_OPS(X) \
    X(crop)                \
    X(flip)                \
    X(color) X(gray) X(blur) X(cutout) X(rotate) X(noise) X(sobel) X(solarize) X(equalize) X(motion) X(autoaugment)
