/* SPDX-License-Identifier: BSD-3-Clause */
/* A name is cut into words where letters end, and where a small letter is followed by a capital. */
#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct group {
    clr_word means;
    bool sure; /* no class has these names */
    const char *words;
} group;

static const group vocabulary[] = {{CLR_WORD_TRAIN, true, " train training "},
                                   {CLR_WORD_TRAIN, false, " trn tr "},
                                   {CLR_WORD_VAL, true, " val valid validation validate validating "},
                                   {CLR_WORD_VAL, false, " dev devel development eval evaluation va holdout "},
                                   {CLR_WORD_TEST, true, " test testing tests "},
                                   {CLR_WORD_TEST, false, " tst te query gallery "},
                                   {CLR_WORD_UNLABELLED, true, " unlabeled unlabelled unlabel "},
                                   {CLR_WORD_UNLABELLED, false, " pred predict prediction extra unsup unsupervised "},
                                   {CLR_WORD_TRAINVAL, true, " trainval "},
                                   {CLR_WORD_FOLD, false, " fold split shard chunk part subset batch "},
                                   {CLR_WORD_IMAGES, true, " image images img imgs jpegimages pngimages "},
                                   {CLR_WORD_IMAGES, false,
                                    " picture pictures pics photos jpg jpgs jpeg jpegs png pngs frames files "
                                    "raw data dataset "},
                                   {CLR_WORD_BESIDE, true,
                                    " mask masks label labels annotation annotations annot annots gt "
                                    "groundtruth segmentation segmentations trimap trimaps imagesets metadata "
                                    "meta doc docs documentation readme preview previews sample samples example "
                                    "examples figs figures assets "}};

/* Words that may stand in a part's name beside the word that names the part. */
static const char *const fillers[] = {"set",   "sets",    "all",    "full",  "small", "resized", "crop",
                                      "crops", "cropped", "object", "class", "split", NULL};

static const group *look_up(const char *text)
{
    char word[CLR_WORD_REST + 2];

    snprintf(word, sizeof word, " %s ", text);
    for (size_t i = 0; *text && i < sizeof vocabulary / sizeof *vocabulary; i++)
        if (strstr(vocabulary[i].words, word))
            return &vocabulary[i];
    return NULL;
}

static bool is_filler(const char *text)
{
    const group *g = look_up(text);

    for (int i = 0; fillers[i]; i++)
        if (!strcmp(text, fillers[i]))
            return true;
    return g && g->means == CLR_WORD_IMAGES;
}

/* The next word of name[*at..length), small; false where there is none. Digits are no words, but *digits is set. */
static bool next_word(const char *name, int length, int *at, char text[CLR_WORD_REST], bool *digits)
{
    int n = 0;

    for (; *at < length; ++*at) {
        unsigned char c = (unsigned char)name[*at];
        bool letter = isalpha(c) || c >= 0x80;
        *digits |= isdigit(c) != 0;
        if (n && (!letter || (isupper(c) && islower((unsigned char)name[*at - 1]))))
            break;
        if (letter && n < CLR_WORD_REST - 1)
            text[n++] = (char)tolower(c);
    }
    text[n] = 0;
    return n;
}

/* Whether text is one of the words and a filler grown together: "trainset", "testimages". */
static bool is_grown(const char *text, const char *words)
{
    for (size_t n; words += strspn(words, " "), (n = strcspn(words, " ")); words += n)
        if (!strncmp(text, words, n) && is_filler(text + n))
            return true;
    return false;
}

static const group *meaning(const char *text)
{
    const group *g = look_up(text);

    for (size_t i = 0; !g && i < sizeof vocabulary / sizeof *vocabulary; i++)
        if (vocabulary[i].sure && clr_word_is_part(vocabulary[i].means) && is_grown(text, vocabulary[i].words))
            g = &vocabulary[i];
    return g;
}

clr_word clr_word_of(const char *name, int length, char rest[CLR_WORD_REST])
{
    char text[CLR_WORD_REST];
    clr_word part = CLR_WORD_OTHER;
    bool images = false, beside = false, digits = false;
    size_t used = 0;

    for (int at = 0; next_word(name, length, &at, text, &digits);) {
        const group *g = meaning(text);
        clr_word means = g ? g->means : CLR_WORD_OTHER;
        if (means == CLR_WORD_FOLD && part != CLR_WORD_OTHER)
            continue; /* "test split" */
        if (clr_word_is_part(means))
            part = part == CLR_WORD_OTHER || part == CLR_WORD_FOLD || part == means ? means : CLR_WORD_TRAINVAL;
        else if (means == CLR_WORD_IMAGES)
            images = true;
        else if (means == CLR_WORD_BESIDE)
            beside = true;
        if (means == CLR_WORD_OTHER && !is_filler(text))
            used += (size_t)snprintf(rest + used, CLR_WORD_REST - used, "%s ", text);
        used = used < CLR_WORD_REST ? used : CLR_WORD_REST - 1;
    }
    rest[used] = 0;
    if (part == CLR_WORD_FOLD && !digits)
        part = CLR_WORD_OTHER;
    if (part != CLR_WORD_OTHER && beside) /* "train_labels" is no sibling of "test" */
        snprintf(rest + used, CLR_WORD_REST - used, "labels ");
    return part != CLR_WORD_OTHER ? part : beside ? CLR_WORD_BESIDE : images ? CLR_WORD_IMAGES : CLR_WORD_OTHER;
}

bool clr_word_is_sure(const char *name, int length)
{
    char text[CLR_WORD_REST];
    bool digits = false, sure = false;

    for (int at = 0; next_word(name, length, &at, text, &digits);) {
        const group *g = meaning(text);
        if (!g && !is_filler(text))
            return false;
        sure |= g && g->sure;
    }
    return sure;
}

bool clr_word_is_vehicle(const char *name, int length)
{
    static const char *const vehicles[] = {
        "car",  "cars",    "automobile", "bus",   "buses", "truck",  "trucks",    "van",        "tram",
        "taxi", "bicycle", "bike",       "bikes", "plane", "planes", "airplane",  "airplanes",  "aeroplane",
        "boat", "boats",   "ship",       "ships", "ferry", "subway", "motorbike", "motorcycle", "helicopter"};
    char text[CLR_WORD_REST];
    bool digits = false;

    for (int at = 0; next_word(name, length, &at, text, &digits);)
        for (size_t i = 0; i < sizeof vehicles / sizeof *vehicles; i++)
            if (!strcmp(text, vehicles[i]))
                return true;
    return false;
}

int clr_word_answers(const char *name, const char *wanted)
{
    char rest[CLR_WORD_REST], other[CLR_WORD_REST];
    clr_word means = clr_word_of(name, (int)strlen(name), rest);

    if (!strcasecmp(name, wanted))
        return strcmp(name, wanted) ? 3 : 4;
    if (!clr_word_is_part(means) || means == CLR_WORD_FOLD ||
        means != clr_word_of(wanted, (int)strlen(wanted), other) || *other)
        return 0;
    return *rest ? 1 : 2;
}
