/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_READ_WORDS_H
#define CLR_READ_WORDS_H
/* What names of folders and files mean by convention: parts of a dataset, folders of images, what is no data. Local;
   pure. */

#include <stdbool.h>

typedef enum clr_word {
    CLR_WORD_OTHER, /* means nothing: may be a class */
    CLR_WORD_TRAIN, /* parts of a dataset */
    CLR_WORD_VAL,
    CLR_WORD_TEST,
    CLR_WORD_UNLABELLED,
    CLR_WORD_TRAINVAL,
    CLR_WORD_FOLD,   /* a numbered part: fold3, shard-0007 */
    CLR_WORD_IMAGES, /* holds the images, whatever they are of */
    CLR_WORD_BESIDE, /* lies beside the images: masks, annotations, docs */
} clr_word;

enum { CLR_WORD_REST = 64 };

/* What name[0..length) means, in any spelling: "Training_Set", "val2017", "testImages", "JPEGImages". rest gets, in
   small letters, the words of the name that are not of that meaning ("asl_alphabet_train": "asl alphabet "): the same
   for names that differ in the meaning alone. */
clr_word clr_word_of(const char *name, int length, char rest[CLR_WORD_REST]);

/* Whether it is a part of a dataset. */
static inline bool clr_word_is_part(clr_word w)
{
    return w >= CLR_WORD_TRAIN && w <= CLR_WORD_FOLD;
}

/* Whether no class has such a name even where nothing else speaks of parts; false for words that are also words of the
   language ("eval", "extra", "dev"). "train" is a vehicle too: true, and for the caller to think about, who may look
   for other vehicles. */
bool clr_word_is_sure(const char *name, int length);
bool clr_word_is_vehicle(const char *name, int length);

/* How well a name answers --split=wanted: 4 the same text, 3 but for capitals, 2 the same part in another spelling, 1
   the same part with other words ("seg_train"), 0 not at all. */
int clr_word_answers(const char *name, const char *wanted);

/* Whether a file of this name may list the images' labels: "val_annotations.txt", "labels.csv". */
bool clr_word_is_list(const char *name);

/* Whether a NAS, a desktop or a tool makes files or folders of this name: no data. Names that begin with a point are
   among them. */
bool clr_word_is_dropping(const char *name);

#endif
