/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_AUGMENT_H
#define CLR_AUGMENT_H
/* Augmentations: an ordered list of operators ("crop:0.08-1,flip,color:1.0,gray:0.2,blur"), applied to one view of one
   image. A family: one file a member, the words in src/augment/ops.h. Protocol: SimCLR's data_util (see the members).
   Randomness comes only from (seed, epoch, sample, view, place in the list): `draw` turns it into numbers, `apply` uses
   them. Local; a list is read-only after parsing and serves any number of threads. */

#include "clr/err.h"
#include "clr/image.h"
#include "clr/opt.h"
#include "clr/rng.h"
#include "clr/tensor.h"

#include <stdbool.h>
#include <stddef.h>

enum { CLR_AUGMENT_MOST = 16, CLR_AUGMENT_NUMBERS = 12, CLR_AUGMENT_DRAWS = 24 };

/* A view in the making: float (height, width, channels), values about [0, 1]. */
typedef struct clr_canvas {
    int height, width, channels;
    float *pixels;
    float *spare; /* as large as the largest of input and output; operators may swap the two */
    float *rows;  /* scratch of clr_augment_floats() floats */
} clr_canvas;

typedef struct clr_augment_op clr_augment_op;

/* One entry of a list: an operator and its parsed arguments. */
typedef struct clr_augment_step {
    const clr_augment_op *op;
    double number[CLR_AUGMENT_NUMBERS];
    bool shared; /* drawn once for all views of an image, as for view 0 */
} clr_augment_step;

struct clr_augment_op {
    const char *name, *arguments, *help;
    /* The text after the colon, or NULL. */
    clr_status (*parse)(const char *arguments, clr_augment_step *step);
    /* What this view gets: draws[0] != 0 where it is applied at all. height, width: of the canvas now; size: the
       view's side. */
    void (*draw)(const clr_augment_step *step, clr_rng *rng, int height, int width, int size, double *draws);
    void (*apply)(const clr_augment_step *step, const double *draws, int size, clr_canvas *canvas);
    bool needs_colour; /* has no effect on 1 channel: said once */
};

typedef struct clr_augment {
    clr_augment_step step[CLR_AUGMENT_MOST];
    int steps;
} clr_augment;

/* What makes the two views of an image. */
typedef struct clr_augment_pair {
    clr_augment view[CLR_VIEWS];
} clr_augment_pair;

extern const clr_opt clr_augment_options[];   /* --augment, --augment-second, into a clr_augment_pair */
extern const clr_opt clr_image_size_option[]; /* --image-size, into an int */

/* "none" is the empty list. Unknown words are CLR_EUSAGE and propose the nearest. */
clr_status clr_augment_parse(const char *list, clr_augment *augment);

/* Floats of working space that one thread needs for images of at most so many pixels and so wide. */
size_t clr_augment_floats(int64_t pixels, int width, int channels, int size);

/* One view: out (size, size, channels) floats in [0, 1]. What no operator resized is resized at the end (bicubic). */
void clr_augment_apply(const clr_augment *augment, const clr_image *image, int size, uint64_t seed, uint64_t epoch,
                       uint64_t sample, uint32_t view, float *scratch, float *out);

/* The shorter side of stored images that is enough for views of that size: 256 for 224. Larger ones only take memory
   and time. */
int clr_augment_enough(int size);

/* Evaluation: sizes over 32: central square of rint(0.875 * shorter side), bicubic to size; 32 and less: resized
   only where the size differs (protocol 1.2). */
void clr_augment_evaluate(const clr_image *image, int size, float *scratch, float *out);

/* What it does, in words: how whoever uses the weights elsewhere must prepare images. text: CLR_AUGMENT_WORDS
   characters. */
enum { CLR_AUGMENT_WORDS = 400 };
void clr_augment_protocol(int size, int channels, char *text);

#endif
